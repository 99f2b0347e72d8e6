//! GetBootStatistics.

use super::Launches;
use crate::api::convert::{ViolationReason, Violations, time_range, to_duration};
use crate::api::pb;
use crate::api::status::Failure;
use crate::boot::statistics::{Dimension, Group, GroupKey, PhaseTimes, Question};

/// Dimensions that one call may name: there are only four, each once.
const GROUP_BY_MAX: usize = 4;

impl Launches {
    pub(super) async fn statistics(
        &self,
        request: pb::GetBootStatisticsRequest,
    ) -> Result<pb::GetBootStatisticsResponse, Failure> {
        let pb::GetBootStatisticsRequest { region, account_id, group_by, start_time, end_time } = request;
        let mut violations = Violations::new();
        // As in ListLaunches: a place where nothing is launched has no boots.
        let region = violations.optional_id("region", &region);
        let account_id = violations.optional_id("account_id", &account_id);
        let by = dimensions(&group_by, &mut violations);
        let (start, end) = time_range(start_time.as_ref(), end_time.as_ref(), &mut violations);
        violations.finish(Some(()))?;
        let question = Question { account_id, region, start, end, by };
        let groups = self.services.measured.statistics(question).await?;
        Ok(pb::GetBootStatisticsResponse { groups: groups.iter().map(message).collect() })
    }
}

fn dimensions(numbers: &[i32], violations: &mut Violations) -> Vec<Dimension> {
    let mut by = Vec::new();
    if !violations.at_most("group_by", numbers.len(), GROUP_BY_MAX) {
        return by;
    }
    for (index, number) in numbers.iter().enumerate() {
        let field = format!("group_by[{index}]");
        let dimension = match violations.enumeration(&field, *number) {
            None => continue,
            Some(pb::BootStatisticsDimension::Unspecified) => {
                violations.add(field, ViolationReason::InvalidEnum, "UNSPECIFIED is nothing to group by");
                continue;
            }
            Some(pb::BootStatisticsDimension::ImageId) => Dimension::Image,
            Some(pb::BootStatisticsDimension::InstanceType) => Dimension::InstanceType,
            Some(pb::BootStatisticsDimension::RootDevice) => Dimension::RootDevice,
            Some(pb::BootStatisticsDimension::Virtualization) => Dimension::Virtualization,
        };
        if by.contains(&dimension) {
            violations.add(field, ViolationReason::InvalidField, "given twice");
        } else {
            by.push(dimension);
        }
    }
    by
}

fn message(group: &Group) -> pb::BootStatistics {
    let Group { key, count, failures, phases } = group;
    let GroupKey { image_id, instance_type, root_device, virtualization } = key;
    pb::BootStatistics {
        image_id: image_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        instance_type: instance_type.as_ref().map(ToString::to_string).unwrap_or_default(),
        root_device: root_device.map(pb::RootDevice::from).unwrap_or_default().into(),
        virtualization: virtualization.map(pb::Virtualization::from).unwrap_or_default().into(),
        count: count_of(*count),
        failures: count_of(*failures),
        phases: phases.iter().map(phase_times).collect(),
    }
}

fn phase_times(times: &PhaseTimes) -> pb::PhaseStatistics {
    let PhaseTimes { phase, count, p50, p90, p99 } = times;
    pb::PhaseStatistics {
        phase: pb::BootPhase::from(*phase).into(),
        count: count_of(*count),
        p50: Some(to_duration(*p50)),
        p90: Some(to_duration(*p90)),
        p99: Some(to_duration(*p99)),
    }
}

fn count_of(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
