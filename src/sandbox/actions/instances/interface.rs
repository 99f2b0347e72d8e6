//! The network interfaces of an instance on the wire: the shape `InstanceNetworkInterface`.

use super::answer::{View, write_operator};
use crate::sandbox::wire::time::seconds;
use crate::sandbox::wire::xml::Xml;

/// The name of the VPC's only security group.
pub(crate) const DEFAULT_GROUP: &str = "default";
/// Who owns public addresses that are not Elastic IPs.
pub(crate) const IP_OWNER: &str = "amazon";

/// One network interface. Its address of hardware follows from its id.
#[derive(Debug)]
pub(crate) struct Interface<'a> {
    pub(crate) id: String,
    pub(crate) mac: String,
    pub(crate) description: &'a str,
    pub(crate) groups: &'a [String],
    pub(crate) private_address: Option<String>,
    pub(crate) device_index: u32,
    pub(crate) source_dest_check: bool,
    pub(crate) network_card: u32,
    pub(crate) delete_on_termination: bool,
    kind: &'a str,
}

impl Interface<'_> {
    /// Whether it is the instance's first one, which has the public address.
    pub(crate) fn is_primary(&self) -> bool {
        self.device_index == 0 && self.network_card == 0
    }

    /// The id of its attachment, which follows from its own.
    pub(crate) fn attachment_id(&self) -> String {
        self.id.replacen("eni-", "eni-attach-", 1)
    }
}

impl<'a> View<'a> {
    /// Its network interfaces, the primary one first; a terminated instance has none.
    pub(crate) fn interfaces(&self) -> Vec<Interface<'a>> {
        if !self.is_attached() {
            return Vec::new();
        }
        let instance = self.instance;
        if instance.interfaces.is_empty() {
            // Launched before interfaces were kept.
            let id = instance.id.replacen("i-", "eni-", 1);
            return vec![Interface {
                mac: mac(&id),
                id,
                description: "",
                groups: &instance.launch.security_groups,
                private_address: self.private_address(),
                device_index: 0,
                source_dest_check: true,
                network_card: 0,
                kind: "interface",
                delete_on_termination: true,
            }];
        }
        let interfaces = instance.interfaces.iter().map(|interface| Interface {
            id: interface.id.clone(),
            mac: mac(&interface.id),
            description: &interface.description,
            groups: &interface.security_groups,
            private_address: interface.address.and_then(|number| self.zone.map(|zone| zone.address(number))),
            device_index: interface.device_index,
            source_dest_check: interface.source_dest_check,
            network_card: interface.network_card,
            kind: &interface.interface_type,
            delete_on_termination: interface.delete_on_termination,
        });
        interfaces.collect()
    }

    /// The private name that goes with a private address.
    pub(crate) fn name_of(&self, address: &str) -> String {
        let region = self.network.region.as_str();
        if self.instance.launch.options.private_dns.by_resource {
            return format!("{}.{region}.compute.internal", self.instance.id);
        }
        format!("ip-{}.{region}.compute.internal", address.replace('.', "-"))
    }
}

/// A locally administered address.
fn mac(id: &str) -> String {
    let digits = id.strip_prefix("eni-").unwrap_or(id);
    let octets: Vec<&str> = (0..5).filter_map(|nth| digits.get(2 + nth * 2..4 + nth * 2)).collect();
    format!("02:{}", octets.join(":"))
}

/// Writes the set of network interfaces.
pub(super) fn write(xml: &mut Xml, view: &View<'_>) {
    let Some(zone) = view.zone else {
        xml.element("networkInterfaceSet", |_| {});
        return;
    };
    xml.list("networkInterfaceSet", view.interfaces(), |xml, interface| {
        let association = |xml: &mut Xml| {
            if let Some(address) = view.public_address().filter(|_| interface.is_primary()) {
                xml.element("association", |xml| {
                    xml.text("publicIp", &address);
                    xml.text("publicDnsName", &view.public_name().unwrap_or_default());
                    xml.text("ipOwnerId", IP_OWNER);
                });
            }
        };
        xml.text("networkInterfaceId", &interface.id);
        xml.text("subnetId", &zone.subnet_id);
        xml.text("vpcId", &view.network.vpc_id);
        xml.text("description", interface.description);
        xml.text("ownerId", view.network.account_id.as_str());
        xml.text("status", "in-use");
        xml.text("macAddress", &interface.mac);
        let address = interface.private_address.as_deref();
        let name = address.map(|address| view.name_of(address));
        xml.optional("privateIpAddress", address);
        xml.optional("privateDnsName", name.as_deref());
        xml.value("sourceDestCheck", interface.source_dest_check);
        write_groups(xml, interface.groups);
        xml.element("attachment", |xml| {
            xml.text("attachmentId", &interface.attachment_id());
            xml.value("deviceIndex", interface.device_index);
            xml.text("status", view.attachment_status());
            xml.text("attachTime", &seconds(view.instance.launched));
            xml.value("deleteOnTermination", interface.delete_on_termination);
            xml.value("networkCardIndex", interface.network_card);
        });
        association(xml);
        xml.list("privateIpAddressesSet", address, |xml, address| {
            xml.text("privateIpAddress", address);
            xml.optional("privateDnsName", name.as_deref());
            xml.value("primary", true);
            association(xml);
        });
        xml.text("interfaceType", interface.kind);
        write_operator(xml);
    });
}

/// Writes a set of security groups; the VPC's own one is called `default`.
pub(in crate::sandbox::actions) fn write_groups(xml: &mut Xml, groups: &[String]) {
    xml.list("groupSet", groups, |xml, group| {
        xml.text("groupId", group);
        xml.text("groupName", DEFAULT_GROUP);
    });
}
