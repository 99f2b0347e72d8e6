//! Classification of the images in a file: the same conclusions as the server's, drawn here.
//!
//! What only a second question to EC2 tells is unknown here: the launch permissions of one's own
//! images, the account's Allowed AMIs settings, the Region's instance types, and how fast instances
//! booted.

use std::fmt::Write as _;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context as _;

use super::classify::Report;
use crate::ami::classify::{Viewer, classify as classification};
use crate::ami::describe_images::{INPUT_BYTES_MAX, Totals, read_images};
use crate::cli::failure::Failure;
use crate::client::pb;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::ids::AccountId;

/// Classifies the images of `from` one after the other. Those that cannot be read are left out and
/// are a failure in the end.
pub(super) fn classify(
    from: &Path,
    account_id: Option<AccountId>,
    now: Option<Timestamp>,
    report: &mut Report,
) -> Result<(), Failure> {
    let viewer = account_id.map(Viewer::of).unwrap_or_default();
    let now = now.unwrap_or_else(|| SystemClock::new().now());
    let name = if from == Path::new("-") { "stdin".to_owned() } else { from.display().to_string() };
    let json = read(from).with_context(|| format!("cannot read {name}"))?;
    let mut printed = Ok(());
    let totals = read_images(&json, |image| {
        // The server's own conversion, so that both print the same message.
        let judged = pb::Classification::from(&classification(&image, &viewer, None, now));
        printed = report.add(&pb::ClassifyImagesResponse {
            image_id: image.image_id.to_string(),
            result: Some(pb::classify_images_response::Result::Classification(judged)),
            ..Default::default()
        });
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    printed?;
    let totals = totals.with_context(|| name.clone())?;
    if totals.kernels_and_ramdisks > 0 {
        report.passed_over(totals.kernels_and_ramdisks);
    }
    if totals.unreadable > 0 {
        return Err(anyhow::anyhow!(unreadable(&name, &totals)).into());
    }
    Ok(())
}

fn read(from: &Path) -> std::io::Result<Vec<u8>> {
    // One byte more, so that what is too large is noticed.
    let limit = u64::try_from(INPUT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if from == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        let file = std::fs::File::open(from)?;
        let size = file.metadata()?.len().min(limit);
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0));
        file.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Which images could not be read and why, a line for each wrong member.
fn unreadable(name: &str, totals: &Totals) -> String {
    let all = totals.images + totals.unreadable;
    let mut text = format!("{} of {all} images in {name} cannot be read", totals.unreadable);
    for violation in &totals.violations {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {violation}");
    }
    let more = totals.violation_count - totals.violations.len();
    if more > 0 {
        let _ = write!(text, "\n  and {more} more");
    }
    text
}
