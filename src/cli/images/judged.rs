//! Classifications in words: a line for each image, what was found and what to do under it, and a
//! summary of all of them.

use std::collections::BTreeMap;

use super::list::recommendation;
use crate::cli::describe;
use crate::cli::output::amounts::{ago, counted, moment, thousands};
use crate::cli::output::{Screen, word};
use crate::client::pb::classify_images_response::Result as Answer;
use crate::client::{self, pb};
use crate::clock::Timestamp;

/// Findings that the summary names, the most frequent ones.
const FREQUENT_SHOWN: usize = 8;

/// One answer: the image's classes on a line, and under it every finding that is not PASS.
pub(super) fn shown(answer: &pb::ClassifyImagesResponse, short: bool, screen: Screen) -> String {
    let judged = match &answer.result {
        Some(Answer::Classification(judged)) => judged,
        Some(Answer::Status(status)) => return format!("{}  error: {}", answer.image_id, status.message),
        None => return format!("{}  error: the server gave neither a classification nor a reason", answer.image_id),
    };
    let mut lines = vec![line(&answer.image_id, judged, screen)];
    if !short {
        if let Some(boots) = &judged.measured_boots {
            lines.push(format!("  measured: {}", describe::measured(Some(boots))));
        }
        let (unknown, known): (Vec<_>, Vec<_>) = judged
            .findings
            .iter()
            .filter(|finding| finding.outcome() != pb::Outcome::Pass)
            .partition(|finding| finding.outcome() == pb::Outcome::Unknown && finding.remedy.is_empty());
        lines.extend(known.iter().map(|finding| describe::finding_block(finding, screen)));
        // Missing facts have one thing to say: which.
        if !unknown.is_empty() {
            let names: Vec<String> =
                unknown.iter().map(|finding| format!("{} ({})", finding.code, finding.field)).collect();
            lines.push(format!("  ?     not known: {}", names.join(", ")));
        }
    }
    lines.join("\n")
}

fn line(image_id: &str, judged: &pb::Classification, screen: Screen) -> String {
    let advice = recommendation(judged.recommendation());
    let os = judged.os.clone().unwrap_or_default();
    let system = match os.distribution.as_str() {
        "" => word!(pb::OsFamily, os.family),
        distribution => format!("{distribution} {}", os.version).trim().to_owned(),
    };
    let mut classes = [
        word!(pb::RootDevice, judged.root_device),
        word!(pb::Virtualization, judged.virtualization),
        word!(pb::BootPath, judged.boot_path),
        word!(pb::ImageSource, judged.source),
        word!(pb::ImageLifecycle, judged.lifecycle),
        word!(pb::BootSpeed, judged.boot_speed),
    ]
    .join(" ");
    if judged.deprecated {
        classes.push_str(" DEPRECATED");
    }
    format!("{image_id}  {}  {classes}  {system}", screen.paint(advice.tone, &advice.text))
}

/// What many images came to.
#[derive(Debug, Default)]
pub(super) struct Judged {
    recommendations: BTreeMap<i32, usize>,
    /// By code and outcome.
    findings: BTreeMap<(String, i32), usize>,
    /// Images without a classification.
    pub(super) failed: usize,
    /// The oldest facts among those that say how old they are.
    oldest: Option<Timestamp>,
    from_catalogue: usize,
    from_ec2: usize,
}

impl Judged {
    pub(super) fn add(&mut self, answer: &pb::ClassifyImagesResponse) {
        let Some(Answer::Classification(judged)) = &answer.result else {
            self.failed += 1;
            return;
        };
        let observed = answer.observed_time.and_then(|time| client::moment(&time));
        self.oldest = self.oldest.into_iter().chain(observed).min();
        match answer.answered_from() {
            pb::AnsweredFrom::Catalogue => self.from_catalogue += 1,
            pb::AnsweredFrom::Ec2 => self.from_ec2 += 1,
            pb::AnsweredFrom::Unspecified => {}
        }
        *self.recommendations.entry(judged.recommendation).or_default() += 1;
        for finding in judged.findings.iter().filter(|finding| finding.outcome() != pb::Outcome::Pass) {
            *self.findings.entry((finding.code.clone(), finding.outcome)).or_default() += 1;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.recommendations.values().sum::<usize>() + self.failed
    }

    /// How old the oldest facts are and where they come from; none where nothing says so.
    pub(super) fn freshness(&self, now: Timestamp) -> Option<String> {
        let oldest = self.oldest?;
        let from = match (self.from_catalogue, self.from_ec2) {
            (0, 0) => None,
            (_, 0) => Some("from catalogue".to_owned()),
            (0, _) => Some("from EC2".to_owned()),
            (catalogue, ec2) => Some(format!("{} from catalogue, {} from EC2", thousands(catalogue), thousands(ec2))),
        };
        let known: Vec<String> = ago(oldest, now).into_iter().chain(from).collect();
        Some(format!("as of {} ({})", moment(oldest), known.join("; ")))
    }

    /// How many images for each recommendation, and the findings that most of them share.
    pub(super) fn summary(&self) -> String {
        let mut parts: Vec<String> = self
            .recommendations
            .iter()
            .map(|(recommendation, count)| {
                let name = word!(pb::Recommendation, *recommendation).to_lowercase();
                format!("{} {name}", thousands(*count))
            })
            .collect();
        if self.failed > 0 {
            parts.push(format!("{} not classified", thousands(self.failed)));
        }
        let mut text = format!("{}: {}", counted(self.count(), "image"), parts.join(", "));
        let mut frequent: Vec<_> = self.findings.iter().collect();
        frequent.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let width = frequent.first().map_or(0, |(_, count)| thousands(**count).len());
        for ((code, outcome), count) in frequent.into_iter().take(FREQUENT_SHOWN) {
            let outcome = word!(pb::Outcome, *outcome);
            text.push_str(&format!("\n  {:>width$}  {outcome:<7}  {code}", thousands(*count)));
        }
        text
    }
}

#[cfg(test)]
mod tests;
