//! An instance on the wire: the shape `Instance` of the service model.

use super::interface;
use crate::clock::Timestamp;
use crate::sandbox::actions::Call;
use crate::sandbox::cloud::{Instance, InstanceState, Standing, State, Tags};
use crate::sandbox::wire::time::seconds;
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::{Network, Zone};

/// How far apart the public addresses are that one instance has after one start and the next; odd,
/// so that they come back late.
const ADDRESS_STRIDE: u64 = 4_099;

/// The id that every instance profile has: IAM is not part of the sandbox.
pub(crate) const PROFILE_ID: &str = "AIPASANDBOXSANDBOXSAN";

/// An instance at a moment, with what it borrows from its Region.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) standing: Standing,
    /// The moment it is seen at.
    pub(crate) now: Timestamp,
    pub(crate) tags: Option<&'a Tags>,
    /// For the tags of what belongs to it.
    pub(crate) state: &'a State,
    pub(crate) network: &'a Network,
    /// Absent only if the state was saved by a sandbox with other zones.
    pub(crate) zone: Option<&'a Zone>,
}

impl<'a> View<'a> {
    /// The instance as it stands now.
    pub(crate) fn new(instance: &'a Instance, state: &'a State, call: &Call<'a>) -> Self {
        let network = &call.cloud.network;
        let mut standing = instance.standing(call.now);
        if let Some(since) = call.sandbox.faults().outage(&instance.zone, call.now) {
            standing.lose_zone(since);
        }
        Self {
            instance,
            standing,
            now: call.now,
            tags: state.tags(&instance.id),
            state,
            network,
            zone: network.zone(&instance.zone),
        }
    }

    /// Whether it still has its network and volumes: a terminated instance has lost both.
    pub(crate) fn is_attached(&self) -> bool {
        self.standing.state != InstanceState::Terminated
    }

    /// The private address.
    pub(crate) fn private_address(&self) -> Option<String> {
        self.zone.filter(|_| self.is_attached()).map(|zone| zone.address(self.instance.address))
    }

    /// The private name, `ip-172-31-0-4.sandbox-1.compute.internal`.
    pub(crate) fn private_name(&self) -> Option<String> {
        self.private_address().map(|address| self.name_of(&address))
    }

    /// The public address, which it has while it runs: one of the block for benchmarks, which is
    /// never routed (RFC 2544).
    pub(crate) fn public_address(&self) -> Option<String> {
        let running = matches!(self.standing.state, InstanceState::Running | InstanceState::ShuttingDown);
        if !running || !self.instance.launch.public_address {
            return None;
        }
        // Each start brings another one.
        let number = (self.instance.sequence + self.standing.starts * ADDRESS_STRIDE) % (1 << 16);
        Some(format!("198.18.{}.{}", number / 256, number % 256))
    }

    /// The public name, under a domain that never resolves (RFC 2606).
    pub(crate) fn public_name(&self) -> Option<String> {
        let address = self.public_address()?.replace('.', "-");
        Some(format!("ec2-{address}.{}.compute.sandbox.invalid", self.network.region.as_str()))
    }

    /// Whether volumes and interface are still being attached, or are.
    pub(in crate::sandbox::actions) fn attachment_status(&self) -> &'static str {
        if self.standing.state == InstanceState::Pending { "attaching" } else { "attached" }
    }

    /// Whether the options of IMDS have reached the instance: `InstanceMetadataOptionsState`.
    pub(crate) fn metadata_state(&self) -> &'static str {
        if self.standing.state == InstanceState::Pending { "pending" } else { "applied" }
    }
}

/// Writes one instance.
pub(crate) fn write(xml: &mut Xml, view: &View<'_>) {
    let (instance, launch) = (view.instance, &view.instance.launch);
    xml.text("instanceId", &instance.id);
    xml.text("imageId", &launch.image_id);
    write_state(xml, "instanceState", view.standing.state);
    xml.text("privateDnsName", &view.private_name().unwrap_or_default());
    xml.text("dnsName", &view.public_name().unwrap_or_default());
    xml.text("reason", &view.standing.transition_reason);
    xml.optional("keyName", launch.key_name.as_deref());
    xml.value("amiLaunchIndex", instance.launch_index);
    xml.list("productCodes", &launch.product_codes, |xml, (code, kind)| {
        xml.text("productCode", code);
        xml.text("type", kind);
    });
    xml.text("instanceType", &launch.instance_type);
    xml.text("launchTime", &seconds(view.standing.booted));
    xml.element("placement", |xml| {
        xml.text("availabilityZone", &instance.zone);
        xml.optional("availabilityZoneId", view.zone.map(|zone| zone.id.as_str()));
        xml.text("groupName", "");
        xml.text("tenancy", &launch.tenancy);
    });
    xml.optional("kernelId", launch.kernel.as_deref());
    xml.optional("ramdiskId", launch.ramdisk.as_deref());
    xml.optional("platform", launch.platform.as_deref());
    xml.element("monitoring", |xml| xml.text("state", if launch.monitoring { "enabled" } else { "disabled" }));
    if view.is_attached() {
        xml.optional("subnetId", view.zone.map(|zone| zone.subnet_id.as_str()));
        xml.text("vpcId", &view.network.vpc_id);
        xml.optional("privateIpAddress", view.private_address().as_deref());
        xml.optional("ipAddress", view.public_address().as_deref());
        xml.value("sourceDestCheck", view.interfaces().first().is_none_or(|primary| primary.source_dest_check));
        interface::write_groups(xml, &launch.security_groups);
    } else {
        xml.element("groupSet", |_| {});
    }
    if let Some((code, message)) = &view.standing.reason {
        xml.element("stateReason", |xml| {
            xml.text("code", code);
            xml.text("message", message);
        });
    }
    xml.text("architecture", &launch.architecture);
    xml.text("rootDeviceType", &launch.root_device_type);
    xml.optional("rootDeviceName", launch.root_device_name.as_deref());
    write_volumes(xml, view);
    xml.text("virtualizationType", &launch.virtualization);
    xml.text("clientToken", launch.client_token.as_deref().unwrap_or_default());
    xml.tags(view.tags.into_iter().flatten());
    // EC2 says xen for Nitro too.
    xml.text("hypervisor", "xen");
    interface::write(xml, view);
    write_options(xml, view);
}

/// Writes who manages a resource: nobody but its owner.
pub(in crate::sandbox::actions) fn write_operator(xml: &mut Xml) {
    xml.element("operator", |xml| xml.value("managed", false));
}

/// Writes an `InstanceState`.
pub(crate) fn write_state(xml: &mut Xml, name: &str, state: InstanceState) {
    xml.element(name, |xml| {
        xml.value("code", state.code());
        xml.text("name", state.as_str());
    });
}

/// Writes the set of attached volumes.
pub(in crate::sandbox::actions) fn write_volumes(xml: &mut Xml, view: &View<'_>) {
    let attached = view.is_attached();
    xml.list("blockDeviceMapping", view.instance.volumes.iter().filter(|_| attached), |xml, volume| {
        xml.text("deviceName", &volume.device);
        xml.element("ebs", |xml| {
            xml.text("volumeId", &volume.id);
            xml.text("status", view.attachment_status());
            xml.text("attachTime", &seconds(view.instance.launched));
            xml.value("deleteOnTermination", volume.delete_on_termination);
        });
    });
}

fn write_options(xml: &mut Xml, view: &View<'_>) {
    let launch = &view.instance.launch;
    xml.value("ebsOptimized", launch.ebs_optimized);
    xml.value("enaSupport", launch.ena);
    xml.optional("sriovNetSupport", launch.sriov.then_some("simple"));
    if let Some(profile) = &launch.iam_profile {
        xml.element("iamInstanceProfile", |xml| {
            xml.text("arn", profile);
            xml.text("id", PROFILE_ID);
        });
    }
    if launch.spot {
        xml.text("instanceLifecycle", "spot");
        xml.text("spotInstanceRequestId", &view.instance.spot_request_id());
    }
    xml.element("cpuOptions", |xml| {
        xml.value("coreCount", launch.cores);
        xml.value("threadsPerCore", launch.threads_per_core);
        xml.optional("amdSevSnp", launch.options.amd_sev_snp.as_deref());
        xml.optional("nestedVirtualization", launch.options.nested_virtualization.as_deref());
    });
    let options = &launch.options;
    xml.element("capacityReservationSpecification", |xml| {
        xml.text("capacityReservationPreference", options.capacity_reservations.as_deref().unwrap_or("open"));
    });
    if !options.licenses.is_empty() {
        xml.list("licenseSet", &options.licenses, |xml, license| xml.text("licenseConfigurationArn", license));
    }
    xml.element("hibernationOptions", |xml| xml.value("configured", launch.hibernation));
    let metadata = &launch.metadata;
    xml.element("metadataOptions", |xml| {
        xml.text("state", view.metadata_state());
        xml.text("httpTokens", &metadata.http_tokens);
        xml.value("httpPutResponseHopLimit", metadata.hop_limit);
        xml.text("httpEndpoint", &metadata.http_endpoint);
        xml.text("httpProtocolIpv6", &metadata.http_protocol_ipv6);
        xml.text("instanceMetadataTags", &metadata.instance_metadata_tags);
    });
    xml.element("enclaveOptions", |xml| xml.value("enabled", launch.enclave));
    xml.optional("bootMode", launch.boot_mode.as_deref());
    xml.optional("currentInstanceBootMode", launch.current_boot_mode.as_deref());
    xml.optional("tpmSupport", launch.tpm.then_some("v2.0"));
    xml.optional("platformDetails", launch.platform_details.as_deref());
    xml.optional("usageOperation", launch.usage_operation.as_deref());
    xml.text("usageOperationUpdateTime", &seconds(view.instance.launched));
    xml.element("privateDnsNameOptions", |xml| {
        xml.text("hostnameType", options.private_dns.hostname_type());
        xml.value("enableResourceNameDnsARecord", options.private_dns.a_record);
        xml.value("enableResourceNameDnsAAAARecord", options.private_dns.aaaa_record);
    });
    xml.element("maintenanceOptions", |xml| {
        xml.text("autoRecovery", options.auto_recovery.as_deref().unwrap_or("default"));
    });
    if let Some(weighting) = &options.bandwidth_weighting {
        xml.element("networkPerformanceOptions", |xml| xml.text("bandwidthWeighting", weighting));
    }
    write_operator(xml);
}
