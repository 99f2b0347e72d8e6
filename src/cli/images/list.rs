//! `gantry images list`: a table of images, and how fresh the answer is.

use super::SelectArgs;
use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::amounts::{ago, counted, cut, moment, thousands};
use crate::cli::output::{Screen, Tone, Word, or_dash, word};
use crate::cli::parse;
use crate::client::{self, Client, pb};
use crate::clock::{Clock as _, SystemClock, Timestamp};

/// The server's largest page.
const PAGE_SIZE_MAX: u32 = 200;

/// Characters below which a line has no room for every column.
const WIDE: u16 = 150;

/// Characters below which it has none for the system either, which most names tell.
const MIDDLE: u16 = 120;

/// Characters that a name keeps, however narrow the screen is.
const NAME_CHARS_MIN: usize = 16;

/// Flags of `gantry images list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Also deprecated images.
    #[arg(long)]
    include_deprecated: bool,
    /// Also disabled images.
    #[arg(long)]
    include_disabled: bool,
    /// The order, such as "name" or "creation_time desc".
    #[arg(long, value_name = "FIELDS")]
    order_by: Option<String>,
    /// How many at most; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// How old the reading of EC2 may be; 0 asks EC2 at once.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    max_staleness: Option<std::time::Duration>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let request = pb::ListImagesRequest {
            region: self.client.region()?,
            account_id: self.client.account(),
            owners: self.select.owner,
            filters: self.select.filter,
            include_deprecated: self.include_deprecated,
            include_disabled: self.include_disabled,
            order_by: self.order_by.unwrap_or_default(),
            max_staleness: self.max_staleness.map(client::duration),
            page_size: 0,
            page_token: String::new(),
        };
        let answer = all_pages(&self.client.connect().await?, request, self.limit).await?;
        output.result(&answer, |answer| rows(&answer.images, Screen::stdout()))?;
        output.note(&freshness(&answer, SystemClock::new().now()));
        Ok(())
    }
}

/// The first `limit` images, page after page; the first page's totals, the last page's token.
async fn all_pages(
    client: &Client,
    mut request: pb::ListImagesRequest,
    limit: u32,
) -> Result<pb::ListImagesResponse, Failure> {
    let mut all: Option<pb::ListImagesResponse> = None;
    loop {
        let had = all.as_ref().map_or(0, |all| u32::try_from(all.images.len()).unwrap_or(u32::MAX));
        let wanted = if limit == 0 { PAGE_SIZE_MAX } else { limit.saturating_sub(had).min(PAGE_SIZE_MAX) };
        request.page_size = i32::try_from(wanted)?;
        let page = client.list_images(request.clone()).await?;
        request.page_token.clone_from(&page.next_page_token);
        let merged = match all.take() {
            None => page,
            Some(mut before) => {
                before.images.extend(page.images);
                before.next_page_token = page.next_page_token;
                before
            }
        };
        let enough = limit != 0 && merged.images.len() >= usize::try_from(limit)?;
        if enough || request.page_token.is_empty() {
            return Ok(merged);
        }
        all = Some(merged);
    }
}

/// The table. A narrow screen gets the columns that tell images apart, and names are cut.
fn rows(images: &[pb::Image], screen: Screen) -> String {
    let [with_facts, with_system] = [WIDE, MIDDLE].map(|least| screen.width.is_none_or(|width| width >= least));
    let mut header = vec!["IMAGE", "CREATED", "ARCH"];
    if with_facts {
        header.extend(["ROOT", "VIRT", "BOOT"]);
    }
    if with_system {
        header.push("OS");
    }
    header.extend(["RECOMMENDATION", "NAME"]);
    let mut rows: Vec<Vec<Word>> = images.iter().map(|image| row(image, with_facts, with_system)).collect();
    if let Some(width) = screen.width {
        let room = usize::from(width).saturating_sub(width_of_all_but_the_name(&header, &rows)).max(NAME_CHARS_MIN);
        for name in rows.iter_mut().filter_map(|row| row.last_mut()) {
            name.text = cut(&name.text, room);
        }
    }
    screen.table(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), rows)
}

fn row(image: &pb::Image, with_facts: bool, with_system: bool) -> Vec<Word> {
    let judged = image.classification.clone().unwrap_or_default();
    let os = judged.os.clone().unwrap_or_default();
    // The day is enough to tell images apart in a list; `get` has the second.
    let day: String = image.creation_time.map(|time| time.to_string().chars().take(10).collect()).unwrap_or_default();
    let mut row: Vec<Word> = vec![image.image_id.clone().into(), or_dash(day).into()];
    row.push(or_dash(image.architecture()).into());
    if with_facts {
        row.push(or_dash(image.root_device_type()).into());
        row.push(or_dash(image.virtualization_type()).into());
        row.push(word!(pb::BootPath, judged.boot_path).into());
    }
    if with_system {
        let system = format!("{} {}", os.distribution, os.version);
        row.push(
            if os.distribution.is_empty() { word!(pb::OsFamily, os.family) } else { system.trim().to_owned() }.into(),
        );
    }
    row.push(recommendation(judged.recommendation()));
    row.push(or_dash(image.name()).into());
    row
}

/// The recommendation in its colour.
pub(super) fn recommendation(recommendation: pb::Recommendation) -> Word {
    let tone = match recommendation {
        pb::Recommendation::Recommended => Tone::Good,
        pb::Recommendation::Discouraged => Tone::Warn,
        pb::Recommendation::Unlaunchable => Tone::Bad,
        pb::Recommendation::Acceptable | pb::Recommendation::Unknown | pb::Recommendation::Unspecified => Tone::Plain,
    };
    Word { text: word!(pb::Recommendation, recommendation.into()), tone }
}

fn width_of_all_but_the_name(header: &[&str], rows: &[Vec<Word>]) -> usize {
    let columns = header.len().saturating_sub(1);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|word| word.text.chars().count());
        cells.max().unwrap_or(0).max(header[column].len())
    };
    // Two blanks follow every column, the last one too.
    (0..columns).map(|column| widest(column) + 2).sum::<usize>() + 2
}

/// `50 of 1,204 images as of 2026-11-25 18:02:11Z (3 min ago, catalogue); owners: self, amazon`.
fn freshness(answer: &pb::ListImagesResponse, now: Timestamp) -> String {
    let shown = answer.images.len();
    let total = usize::try_from(answer.total_size).unwrap_or(0);
    let mut text = if shown == total {
        counted(total, "image")
    } else {
        format!("{} of {}", thousands(shown), counted(total, "image"))
    };
    let observed = answer.observed_time.and_then(|time| client::moment(&time));
    let age = observed.and_then(|time| ago(time, now));
    let from = match answer.answered_from() {
        pb::AnsweredFrom::Catalogue => Some("catalogue".to_owned()),
        pb::AnsweredFrom::Ec2 if answer.live_reason.is_empty() => Some("EC2".to_owned()),
        pb::AnsweredFrom::Ec2 => Some(format!("EC2: {}", answer.live_reason)),
        pb::AnsweredFrom::Unspecified => None,
    };
    if let Some(time) = observed {
        text.push_str(&format!(" as of {}", moment(time)));
    }
    let known: Vec<String> = age.into_iter().chain(from).collect();
    if !known.is_empty() {
        text.push_str(&format!(" ({})", known.join(", ")));
    }
    if !answer.owners.is_empty() {
        text.push_str(&format!("; owners: {}", answer.owners.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests;
