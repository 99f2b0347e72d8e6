//! `gantry launches statistics`.

use std::time::Duration;

use clap::ValueEnum;

use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::{Screen, Word, printable, word};
use crate::cli::parse;
use crate::client::{self, pb};
use crate::clock::Timestamp;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to group by [default: one group over everything].
    #[arg(long, value_enum, value_delimiter = ',')]
    by: Vec<By>,
    /// Only instances asked for at or after this time, or so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    since: Option<Timestamp>,
    /// Only instances asked for before this time.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    until: Option<Timestamp>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Image,
    Type,
    RootDevice,
    Virtualization,
}

impl By {
    fn header(self) -> &'static str {
        match self {
            Self::Image => "IMAGE",
            Self::Type => "TYPE",
            Self::RootDevice => "ROOT",
            Self::Virtualization => "VIRT",
        }
    }

    fn of(self, group: &pb::BootStatistics) -> String {
        match self {
            Self::Image => printable(&group.image_id),
            Self::Type => printable(&group.instance_type),
            Self::RootDevice => word!(pb::RootDevice, group.root_device),
            Self::Virtualization => word!(pb::Virtualization, group.virtualization),
        }
    }
}

impl From<By> for pb::BootStatisticsDimension {
    fn from(by: By) -> Self {
        match by {
            By::Image => Self::ImageId,
            By::Type => Self::InstanceType,
            By::RootDevice => Self::RootDevice,
            By::Virtualization => Self::Virtualization,
        }
    }
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let request = pb::GetBootStatisticsRequest {
            region: self.client.region_filter(),
            account_id: self.client.account(),
            group_by: self.by.iter().map(|by| pb::BootStatisticsDimension::from(*by).into()).collect(),
            start_time: self.since.map(client::timestamp),
            end_time: self.until.map(client::timestamp),
        };
        let answer = self.client.connect().await?.get_boot_statistics(request).await?;
        self.client.output().result(&answer, |answer| match answer.groups.as_slice() {
            [] => "no instance was READY or failed in that time".to_owned(),
            groups => shown(groups, &self.by, Screen::stdout()),
        })
    }
}

/// A row for each group: how many boots, how many failed, and half, nine of ten and 99 of 100 of the others to READY;
/// and half of them to the phases before.
fn shown(groups: &[pb::BootStatistics], by: &[By], screen: Screen) -> String {
    let mut header: Vec<String> = by.iter().map(|by| by.header().to_owned()).collect();
    header.extend(["BOOTS", "FAILED", "RUNNING P50", "CHECKING P50", "READY P50", "P90", "P99"].map(str::to_owned));
    let rows = groups.iter().map(|group| {
        let of = |phase: pb::BootPhase| group.phases.iter().find(|times| times.phase() == phase).copied();
        let half = |phase| seconds(of(phase).and_then(|times| client::length(&times.p50?)));
        let ready = of(pb::BootPhase::Ready).unwrap_or_default();
        let mut row: Vec<String> = by.iter().map(|by| by.of(group)).collect();
        row.extend([
            group.count.to_string(),
            group.failures.to_string(),
            half(pb::BootPhase::Running),
            half(pb::BootPhase::Checking),
            half(pb::BootPhase::Ready),
            seconds(ready.p90.as_ref().and_then(client::length)),
            seconds(ready.p99.as_ref().and_then(client::length)),
        ]);
        row.into_iter().map(Word::from).collect()
    });
    screen.table(&header, rows)
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.1}s", time.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_row_and_what_was_not_seen_a_dash() {
        let time = |seconds: u64| Some(client::duration(Duration::from_millis(seconds * 1000 + 240)));
        let phase = |phase: pb::BootPhase, p50, p90| pb::PhaseStatistics {
            phase: phase.into(),
            count: 3,
            p50: time(p50),
            p90: time(p90),
            p99: time(p90),
        };
        let ebs = pb::BootStatistics {
            root_device: pb::RootDevice::EbsBacked.into(),
            count: 4,
            failures: 1,
            phases: vec![phase(pb::BootPhase::Running, 6, 7), phase(pb::BootPhase::Ready, 39, 44)],
            ..Default::default()
        };
        let failed = pb::BootStatistics {
            root_device: pb::RootDevice::InstanceStoreBacked.into(),
            count: 1,
            failures: 1,
            ..Default::default()
        };
        let text = shown(&[ebs, failed], &[By::RootDevice], Screen { width: None, colours: false });
        let expected = [
            "ROOT                   BOOTS  FAILED  RUNNING P50  CHECKING P50  READY P50  P90    P99",
            "EBS_BACKED             4      1       6.2s         -             39.2s      44.2s  44.2s",
            "INSTANCE_STORE_BACKED  1      1       -            -             -          -      -",
        ];
        assert_eq!(text, expected.join("\n"));
    }
}
