//! An instance on the wire: the shape `Instance` of the service model.

use crate::sandbox::ACCOUNT_ID;
use crate::sandbox::actions::Call;
use crate::sandbox::cloud::{Instance, InstanceState, Standing, State, Tags};
use crate::sandbox::images::seconds;
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::{Network, Zone};

/// An instance at a moment, with what it borrows from its Region.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) standing: Standing,
    pub(crate) tags: Option<&'a Tags>,
    pub(crate) network: &'a Network,
    /// Absent only if the state was saved by a sandbox with other zones.
    pub(crate) zone: Option<&'a Zone>,
}

/// The one network interface of an instance. Its ids follow from the instance's own.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) id: String,
    pub(crate) attachment_id: String,
    pub(crate) mac: String,
}

impl<'a> View<'a> {
    /// The instance as it stands now.
    pub(crate) fn new(instance: &'a Instance, state: &'a State, call: &Call<'a>) -> Self {
        let network = &call.cloud.network;
        Self {
            instance,
            standing: instance.standing(call.now),
            tags: state.tags(&instance.id),
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
        let address = self.private_address()?.replace('.', "-");
        Some(format!("ip-{address}.{}.compute.internal", self.network.region.as_str()))
    }

    /// The public address, which it has while it runs: one of the block for benchmarks, which is
    /// never routed (RFC 2544).
    pub(crate) fn public_address(&self) -> Option<String> {
        let running = matches!(self.standing.state, InstanceState::Running | InstanceState::ShuttingDown);
        if !running || !self.instance.launch.public_address {
            return None;
        }
        let number = self.instance.sequence % (1 << 16);
        Some(format!("198.18.{}.{}", number / 256, number % 256))
    }

    /// The public name, under a domain that never resolves (RFC 2606).
    pub(crate) fn public_name(&self) -> Option<String> {
        let address = self.public_address()?.replace('.', "-");
        Some(format!("ec2-{address}.{}.compute.sandbox.invalid", self.network.region.as_str()))
    }

    /// Its network interface.
    pub(crate) fn interface(&self) -> Option<Interface> {
        let digits = self.instance.id.strip_prefix("i-").filter(|_| self.is_attached())?;
        let octets: Vec<&str> = (0..5).filter_map(|nth| digits.get(2 + nth * 2..4 + nth * 2)).collect();
        Some(Interface {
            id: format!("eni-{digits}"),
            attachment_id: format!("eni-attach-{digits}"),
            mac: format!("02:{}", octets.join(":")),
        })
    }

    /// Whether volumes and interface are still being attached, or are.
    fn attachment_status(&self) -> &'static str {
        if self.standing.state == InstanceState::Pending { "attaching" } else { "attached" }
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
    xml.text("launchTime", &seconds(instance.launched));
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
        xml.value("sourceDestCheck", true);
        write_groups(xml, view);
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
    write_interface(xml, view);
    write_options(xml, view);
}

/// Writes an `InstanceState`.
pub(crate) fn write_state(xml: &mut Xml, name: &str, state: InstanceState) {
    xml.element(name, |xml| {
        xml.value("code", state.code());
        xml.text("name", state.as_str());
    });
}

fn write_groups(xml: &mut Xml, view: &View<'_>) {
    xml.list("groupSet", &view.instance.launch.security_groups, |xml, group| {
        xml.text("groupId", group);
        xml.text("groupName", "default");
    });
}

fn write_volumes(xml: &mut Xml, view: &View<'_>) {
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

fn write_interface(xml: &mut Xml, view: &View<'_>) {
    let (Some(interface), Some(zone)) = (view.interface(), view.zone) else {
        xml.element("networkInterfaceSet", |_| {});
        return;
    };
    let association = |xml: &mut Xml| {
        if let Some(address) = view.public_address() {
            xml.element("association", |xml| {
                xml.text("publicIp", &address);
                xml.text("publicDnsName", &view.public_name().unwrap_or_default());
                xml.text("ipOwnerId", "amazon");
            });
        }
    };
    let (address, name) = (view.private_address().unwrap_or_default(), view.private_name().unwrap_or_default());
    xml.list("networkInterfaceSet", [interface], |xml, interface| {
        xml.text("networkInterfaceId", &interface.id);
        xml.text("subnetId", &zone.subnet_id);
        xml.text("vpcId", &view.network.vpc_id);
        xml.text("description", "");
        xml.text("ownerId", ACCOUNT_ID);
        xml.text("status", "in-use");
        xml.text("macAddress", &interface.mac);
        xml.text("privateIpAddress", &address);
        xml.text("privateDnsName", &name);
        xml.value("sourceDestCheck", true);
        write_groups(xml, view);
        xml.element("attachment", |xml| {
            xml.text("attachmentId", &interface.attachment_id);
            xml.value("deviceIndex", 0);
            xml.text("status", view.attachment_status());
            xml.text("attachTime", &seconds(view.instance.launched));
            xml.value("deleteOnTermination", true);
            xml.value("networkCardIndex", 0);
        });
        association(xml);
        xml.list("privateIpAddressesSet", [()], |xml, ()| {
            xml.text("privateIpAddress", &address);
            xml.text("privateDnsName", &name);
            xml.value("primary", true);
            association(xml);
        });
        xml.text("interfaceType", "interface");
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
            xml.text("id", "AIPASANDBOXSANDBOXSAN");
        });
    }
    if launch.spot {
        xml.text("instanceLifecycle", "spot");
        xml.text("spotInstanceRequestId", &spot_request_id(view.instance));
    }
    xml.element("cpuOptions", |xml| {
        xml.value("coreCount", launch.cores);
        xml.value("threadsPerCore", launch.threads_per_core);
    });
    xml.element("capacityReservationSpecification", |xml| xml.text("capacityReservationPreference", "open"));
    xml.element("hibernationOptions", |xml| xml.value("configured", launch.hibernation));
    let metadata = &launch.metadata;
    xml.element("metadataOptions", |xml| {
        let pending = view.standing.state == InstanceState::Pending;
        xml.text("state", if pending { "pending" } else { "applied" });
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
        xml.text("hostnameType", "ip-name");
        xml.value("enableResourceNameDnsARecord", false);
        xml.value("enableResourceNameDnsAAAARecord", false);
    });
    xml.element("maintenanceOptions", |xml| xml.text("autoRecovery", "default"));
}

/// A spot request's id, which follows from the instance's own.
pub(crate) fn spot_request_id(instance: &Instance) -> String {
    let digits = instance.id.trim_start_matches("i-0");
    format!("sir-{}", digits.get(..8).unwrap_or(digits))
}
