//! An image, a launch and findings in words: what `get`, `show` and `launch` print for a person.
//!
//! Everything shown is in the JSON too; this only chooses what matters first.

use super::output::{Screen, Tone, fields, or_dash, printable, table, word, yes_no};
use crate::client::{self, pb};

/// An image: EC2's facts, then the conclusions, then what they rest on.
pub(crate) fn image(image: &pb::Image) -> String {
    let mut text = fields([
        ("Image", image.image_id.clone()),
        ("Name", image.name().to_owned()),
        ("Description", image.description().to_owned()),
        ("Owner", joined([image.owner_id(), image.image_owner_alias()])),
        ("State", image.state().to_owned()),
        ("Created", time(image.creation_time)),
        ("Deprecated", time(image.deprecation_time)),
        ("Architecture", image.architecture().to_owned()),
        ("Root device", joined([image.root_device_type(), image.root_device_name()])),
        ("Virtualization", image.virtualization_type().to_owned()),
        ("Boot mode", image.boot_mode().to_owned()),
        ("ENA", image.ena_support.map_or_else(|| "absent".to_owned(), |_| yes_no(image.ena_support))),
        ("Kernel image", image.kernel_id().to_owned()),
        ("Region", joined([image.region.as_str(), image.account_id.as_str()])),
    ]);
    if let Some(judged) = &image.classification {
        text.push_str("\n\n");
        text.push_str(&classification(judged));
    }
    if !image.block_device_mappings.is_empty() {
        text.push_str("\n\n");
        text.push_str(&mappings(&image.block_device_mappings));
    }
    text
}

fn classification(judged: &pb::Classification) -> String {
    let kept = judged.persistence.unwrap_or_default();
    let storage = judged.storage.unwrap_or_default();
    let os = judged.os.clone().unwrap_or_default();
    let licensing = judged.licensing.clone().unwrap_or_default();
    let permissions = judged.launch_permissions.clone().unwrap_or_default();
    let hardware = judged.hardware_extensions.clone().unwrap_or_default();
    let reach = |extension: &Option<pb::HardwareExtension>| {
        extension
            .as_ref()
            .map(|found| format!("{} ({})", word!(pb::Reachability, found.reachability), found.reason))
            .unwrap_or_default()
    };
    let mut text = fields([
        ("Recommendation", word!(pb::Recommendation, judged.recommendation)),
        ("Source", word!(pb::ImageSource, judged.source)),
        (
            "Lifecycle",
            format!(
                "{}{}",
                word!(pb::ImageLifecycle, judged.lifecycle),
                if judged.deprecated { ", deprecated" } else { "" }
            ),
        ),
        ("Root device", word!(pb::RootDevice, judged.root_device)),
        ("Virtualization", word!(pb::Virtualization, judged.virtualization)),
        ("Boots by", word!(pb::BootPath, judged.boot_path)),
        ("Boot speed", format!("{}: {}", word!(pb::BootSpeed, judged.boot_speed), judged.boot_speed_reason)),
        ("Measured", measured(judged.measured_boots.as_ref())),
        ("System", joined([word!(pb::OsFamily, os.family).as_str(), &os.distribution, &os.version])),
        ("Licensing", licensing.meaning),
        (
            "Storage",
            format!(
                "EBS volumes: {}, {} GiB, encrypted: {}; instance store volumes: {}; image in {}",
                storage.volume_count,
                storage.total_gib.map_or("?".to_owned(), |gib| gib.to_string()),
                yes_no(storage.encrypted),
                storage.ephemeral_count,
                word!(pb::ImageStore, storage.image_store),
            ),
        ),
        ("Can be stopped", yes_no(kept.stoppable)),
        ("Root kept over stop", yes_no(kept.root_survives_stop)),
        ("Root kept over reboot", yes_no(kept.root_survives_reboot)),
        ("Root deleted at end", yes_no(kept.root_deleted_on_terminate)),
        (
            "Launch permission",
            format!(
                "public: {}, explicit: {}, as owner: {}",
                yes_no(permissions.public),
                yes_no(permissions.explicit),
                yes_no(Some(permissions.implicit)),
            ),
        ),
        ("ENA networking", reach(&hardware.enhanced_networking_ena)),
        ("82599 networking", reach(&hardware.enhanced_networking_intel_82599)),
        ("NVMe", reach(&hardware.nvme)),
        ("GPU", reach(&hardware.gpu)),
        ("CPU extensions", reach(&hardware.cpu_extensions)),
        ("TPM", reach(&hardware.tpm)),
    ]);
    if !judged.findings.is_empty() {
        text.push_str("\n\n");
        text.push_str(&findings(&judged.findings));
    }
    text
}

/// How long boots of an image took; nothing where none is measured.
pub(crate) fn measured(boots: Option<&pb::MeasuredBoots>) -> String {
    let Some(boots) = boots else { return String::new() };
    let [p50, p90] = [boots.p50, boots.p90].map(|time| {
        let length = time.as_ref().and_then(client::length);
        length.map_or("?".to_owned(), |length| format!("{:.1}s", length.as_secs_f64()))
    });
    let noun = if boots.count == 1 { "boot" } else { "boots" };
    let since = time(boots.since);
    format!("{} {noun} since {since}, half within {p50}, nine of ten within {p90}", boots.count)
}

fn mappings(mappings: &[pb::BlockDeviceMapping]) -> String {
    table(
        ["DEVICE", "VOLUME", "GIB", "TYPE", "SNAPSHOT", "ENCRYPTED", "DELETED AT END"],
        mappings.iter().map(|mapping| {
            let ebs = mapping.ebs.clone().unwrap_or_default();
            let volume = if mapping.ebs.is_some() {
                "ebs"
            } else if mapping.no_device.is_some() {
                "none"
            } else {
                mapping.virtual_name()
            };
            [
                or_dash(mapping.device_name()),
                or_dash(volume),
                or_dash(ebs.volume_size_gib.map(|gib| gib.to_string()).unwrap_or_default()),
                or_dash(ebs.volume_type()),
                or_dash(ebs.snapshot_id()),
                yes_no(ebs.encrypted),
                yes_no(ebs.delete_on_termination),
            ]
        }),
    )
}

/// Findings, one a line, with what to do.
pub(crate) fn findings(findings: &[pb::Finding]) -> String {
    findings.iter().map(finding).collect::<Vec<_>>().join("\n")
}

fn finding(finding: &pb::Finding) -> String {
    let mut line =
        format!("{} {} {}: {}", word!(pb::Outcome, finding.outcome), finding.code, finding.field, finding.message);
    if !finding.observed.is_empty() {
        line.push_str(&format!(" [observed {}", printable(&finding.observed)));
        if !finding.expected.is_empty() {
            line.push_str(&format!(", expected {}", finding.expected));
        }
        line.push(']');
    }
    if !finding.remedy.is_empty() {
        line.push_str(&format!(" -> {}", finding.remedy));
    }
    line
}

/// A finding that needs attention, over several lines and indented: what was found where, what it
/// means, and what to do.
pub(crate) fn finding_block(finding: &pb::Finding, screen: Screen) -> String {
    let outcome = word!(pb::Outcome, finding.outcome);
    let (mark, tone) = match finding.outcome() {
        pb::Outcome::Pass => ("ok", Tone::Good),
        pb::Outcome::Warn => ("warn", Tone::Warn),
        pb::Outcome::Fail => ("FAIL", Tone::Bad),
        pb::Outcome::Unknown => ("?", Tone::Warn),
        pb::Outcome::Unspecified => (outcome.as_str(), Tone::Plain),
    };
    let mut text = format!("  {}  {}  {}", screen.paint(tone, &format!("{mark:<4}")), finding.code, finding.field);
    if !finding.observed.is_empty() {
        text.push_str(&format!(" = {}", printable(&finding.observed)));
    }
    if !finding.expected.is_empty() {
        text.push_str(&format!(", expected {}", finding.expected));
    }
    if !finding.ec2_error_code.is_empty() {
        text.push_str(&format!("  (EC2 answers {})", finding.ec2_error_code));
    }
    for (lead, words) in [("", &finding.message), ("-> ", &finding.remedy)] {
        if !words.is_empty() {
            text.push_str(&format!("\n        {lead}{words}"));
        }
    }
    text
}

/// A launch: where it stands, what was found, what was tried, what came of it.
pub(crate) fn launch(launch: &pb::Launch) -> String {
    let spec = launch.spec.clone().unwrap_or_default();
    let decision = launch.decision.clone().unwrap_or_default();
    let mut text = fields([
        ("Launch", format!("{}{}", launch.launch_id, if launch.preview { " (preview)" } else { "" })),
        ("State", state(launch)),
        ("Verdict", word!(pb::DecisionVerdict, decision.verdict)),
        ("Image", launched_image(launch).to_owned()),
        ("Template", pinned_template(&decision)),
        ("Types", spec.instance_types.join(", ")),
        ("Count", format!("{} to {}", spec.min_count, spec.max_count)),
        ("Reason", launch.reason.clone()),
        ("By", joined([launch.principal.as_str(), launch.region.as_str(), launch.account_id.as_str()])),
        ("Request", launch.request_id.clone()),
        ("Decided", time(launch.create_time)),
        ("Settled", time(launch.settle_time)),
    ]);
    if !decision.findings.is_empty() {
        text.push_str("\n\n");
        text.push_str(&findings(&decision.findings));
    }
    if !launch.attempts.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(
            ["ATTEMPT", "TYPE", "PLACE", "STATE", "SERVES", "THEN", "ERROR"],
            launch.attempts.iter().map(|attempt| {
                [
                    attempt.attempt_id.clone(),
                    attempt.instance_type.clone(),
                    or_dash(place(attempt.placement.as_ref())),
                    attempt_state(attempt),
                    attempt.launches.to_string(),
                    or_dash(&attempt.next_step),
                    or_dash(
                        attempt
                            .error
                            .as_ref()
                            .map(|error| format!("{}: {}", error.code, error.message))
                            .unwrap_or_default(),
                    ),
                ]
            }),
        ));
    }
    let in_sessions = || launch.attempts.iter().filter(|attempt| !attempt.role_session_name.is_empty());
    if in_sessions().next().is_some() {
        text.push_str("\n\n");
        text.push_str(&table(
            ["ATTEMPT", "ROLE SESSION", "SOURCE IDENTITY"],
            in_sessions().map(|attempt| {
                [attempt.attempt_id.clone(), attempt.role_session_name.clone(), or_dash(&attempt.source_identity)]
            }),
        ));
    }
    if !launch.instances.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(
            ["INSTANCE", "PHASE", "TYPE", "ZONE", "PRIVATE IP", "LAUNCHED"],
            launch.instances.iter().map(|instance| {
                [
                    instance.instance_id.clone(),
                    word!(pb::BootPhase, instance.phase),
                    or_dash(&instance.instance_type),
                    or_dash(&instance.availability_zone),
                    or_dash(&instance.private_ip),
                    or_dash(time(instance.launch_time)),
                ]
            }),
        ));
    }
    text
}

/// How an attempt came out, and since when nobody knows.
fn attempt_state(attempt: &pb::Attempt) -> String {
    let state = word!(pb::AttemptState, attempt.state);
    match attempt.unknown_time {
        Some(since) if attempt.state() == pb::AttemptState::Unknown => format!("{state} since {}", time(Some(since))),
        _ => state,
    }
}

/// The image of a launch: the one that was judged, otherwise the one that was asked for.
pub(crate) fn launched_image(launch: &pb::Launch) -> &str {
    let judged = launch.decision.as_ref().and_then(|decision| decision.image_receipt.as_ref());
    let asked = launch.spec.as_ref().and_then(|spec| spec.image.as_ref()).and_then(|image| image.reference.as_ref());
    match (judged, asked) {
        (Some(receipt), _) | (None, Some(pb::image_reference::Reference::Receipt(receipt))) => &receipt.image_id,
        (None, Some(pb::image_reference::Reference::ImageId(id))) => id,
        (None, Some(pb::image_reference::Reference::Selector(_)) | None) => "",
    }
}

/// The launch template of a decision and the version that was merged; empty if there was none.
fn pinned_template(decision: &pb::Decision) -> String {
    let Some(template) = &decision.launch_template else { return String::new() };
    let pb::PinnedLaunchTemplate { launch_template_id, launch_template_name, version_asked, version_number } = template;
    if *version_number == 0 {
        return format!("not found, asked for version {version_asked}");
    }
    let asked =
        if *version_asked == version_number.to_string() { String::new() } else { format!(" ({version_asked})") };
    format!("{} version {version_number}{asked}", joined([launch_template_name, launch_template_id]))
}

/// Where a launch stands and why: `FAILED: InsufficientInstanceCapacity, ...`.
pub(crate) fn state(launch: &pb::Launch) -> String {
    let state = word!(pb::LaunchState, launch.state);
    match &launch.state_reason {
        Some(reason) => format!("{state}: {}", joined_by(", ", [reason.code.as_str(), &reason.message])),
        None => state,
    }
}

/// The subnet or zone of a placement, empty where EC2 chooses.
pub(crate) fn place(placement: Option<&pb::Placement>) -> &str {
    match placement.and_then(|placement| placement.location.as_ref()) {
        Some(pb::placement::Location::SubnetId(place) | pb::placement::Location::AvailabilityZone(place)) => place,
        None => "",
    }
}

/// A moment, empty where there is none.
pub(crate) fn time(time: Option<impl ToString>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn joined<const N: usize>(words: [&str; N]) -> String {
    joined_by(" ", words)
}

fn joined_by<const N: usize>(separator: &str, words: [&str; N]) -> String {
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(separator)
}
