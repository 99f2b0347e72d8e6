//! The network of a launch: subnet, security groups and private address, given for the instance as
//! a whole or for each of its network interfaces.
//!
//! Every zone has one subnet and the VPC one security group. Addresses of IPv6, prefixes and
//! secondary addresses are not served and refused by name.

use std::net::Ipv4Addr;

use crate::sandbox::instance_types::InstanceType;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::resource_id::is_resource_id;
use crate::sandbox::zones::{Network, Zone};

/// Members of a network interface that the model knows and the sandbox refuses.
const NOT_SERVED: [&str; 13] = [
    "AssociateCarrierIpAddress",
    "ConnectionTrackingSpecification",
    "EnaQueueCount",
    "EnaSrdSpecification",
    "Ipv4Prefix",
    "Ipv4PrefixCount",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "Ipv6Prefix",
    "Ipv6PrefixCount",
    "PrimaryIpv6",
    "PrivateIpAddresses",
    "SecondaryPrivateIpAddressCount",
];
const SERVED: [&str; 10] = [
    "AssociatePublicIpAddress",
    "DeleteOnTermination",
    "Description",
    "DeviceIndex",
    "InterfaceType",
    "NetworkCardIndex",
    "NetworkInterfaceId",
    "PrivateIpAddress",
    "SecurityGroupId",
    "SubnetId",
];

/// The interfaces that a request describes; with none, one that follows from instance-level
/// parameters.
#[derive(Debug)]
pub(super) struct Interfaces<'a> {
    list: Vec<InterfaceRequest<'a>>,
    /// Whether the request describes them one by one.
    described: bool,
}

/// One interface, the same for every instance of the launch.
#[derive(Debug, Clone)]
pub(super) struct InterfaceRequest<'a> {
    pub(super) device_index: u32,
    pub(super) network_card: u32,
    pub(super) description: &'a str,
    pub(super) interface_type: &'static str,
    pub(super) delete_on_termination: bool,
    pub(super) subnet_id: Option<&'a str>,
    groups: Vec<&'a str>,
    private_address: Option<&'a str>,
    public_address: Option<bool>,
}

impl InterfaceRequest<'_> {
    /// Whether it has a private address.
    pub(super) fn has_address(&self) -> bool {
        self.interface_type != "efa-only"
    }
}

impl<'a> Interfaces<'a> {
    /// Reads the `NetworkInterface` list, or what the instance-level parameters say instead.
    pub(super) fn read(params: &'a Node, instance_type: &InstanceType) -> Result<Self, Ec2Error> {
        let mut list = Vec::new();
        for node in params.list("NetworkInterface") {
            list.push(read_one(node, instance_type)?);
        }
        if list.is_empty() {
            let only = InterfaceRequest {
                device_index: 0,
                network_card: 0,
                description: "",
                interface_type: "interface",
                delete_on_termination: true,
                subnet_id: params.text("SubnetId"),
                groups: params.texts("SecurityGroupId"),
                private_address: params.text("PrivateIpAddress"),
                public_address: None,
            };
            return Ok(Self { list: vec![only], described: false });
        }
        let excluded = [
            ("SubnetId", "subnet ID"),
            ("SecurityGroupId", "security groups"),
            ("SecurityGroup", "security groups"),
            ("PrivateIpAddress", "private IP address"),
        ];
        if let Some((_, what)) = excluded.iter().find(|(name, _)| params.gives(name)) {
            let message =
                format!("Network interfaces and an instance-level {what} may not be specified on the same request");
            return Err(Ec2Error::combination(message));
        }
        // The primary one first.
        list.sort_by_key(|interface| (interface.network_card, interface.device_index));
        let interfaces = Self { list, described: true };
        interfaces.check(instance_type)?;
        Ok(interfaces)
    }

    fn check(&self, instance_type: &InstanceType) -> Result<(), Ec2Error> {
        let most = instance_type.network_interfaces();
        if self.list.len() > most {
            let message = format!("Interface count {} exceeds the limit for {}", self.list.len(), instance_type.name());
            return Err(Ec2Error::new("AttachmentLimitExceeded", message));
        }
        if !self.list.iter().any(|interface| interface.device_index == 0 && interface.network_card == 0) {
            let message = "When specifying network interfaces, you must include a device at index 0.";
            return Err(Ec2Error::combination(message));
        }
        for (nth, interface) in self.list.iter().enumerate() {
            let place = (interface.device_index, interface.network_card);
            if self.list[..nth].iter().any(|other| (other.device_index, other.network_card) == place) {
                let message = "Each network interface requires a unique device index.";
                return Err(Ec2Error::new("InvalidParameterValue", message));
            }
            if interface.device_index == 0 && interface.network_card == 0 && !interface.has_address() {
                let message = "The primary network interface cannot be of type efa-only.";
                return Err(Ec2Error::combination(message));
            }
        }
        if self.list.len() > 1 && self.list.iter().any(|interface| interface.public_address == Some(true)) {
            let message = "The associatePublicIPAddress parameter cannot be specified when launching with multiple \
                           network interfaces.";
            return Err(Ec2Error::combination(message));
        }
        Ok(())
    }

    /// The interfaces, the primary one first.
    pub(super) fn into_list(self) -> Vec<InterfaceRequest<'a>> {
        self.list
    }

    /// The zone of the subnets that are named: they must all be in one.
    pub(super) fn subnet_zone<'n>(&self, network: &'n Network) -> Result<Option<&'n Zone>, Ec2Error> {
        let mut zone: Option<&Zone> = None;
        for id in self.list.iter().filter_map(|interface| interface.subnet_id) {
            let found = network.zone_of_subnet(id).ok_or_else(|| {
                Ec2Error::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
            })?;
            if zone.is_some_and(|zone| zone.name != found.name) {
                let message = "You may not specify network interfaces in subnets of different Availability Zones";
                return Err(Ec2Error::combination(message));
            }
            zone = Some(found);
        }
        Ok(zone)
    }

    /// Whether instances get a public address: a lone interface does if it asks for one, or in a
    /// default subnet if it does not refuse. With several, none is assigned.
    pub(super) fn public_address(&self, default_subnet: bool) -> bool {
        match self.list.as_slice() {
            [only] => only.public_address.unwrap_or(default_subnet),
            _ => false,
        }
    }

    /// The security groups that are named: there is only the VPC's own one.
    pub(super) fn check_groups(&self, params: &Node, network: &Network) -> Result<(), Ec2Error> {
        let not_found = |group: &str| {
            let message = format!("The security group '{group}' does not exist in VPC '{}'", network.vpc_id);
            Err(Ec2Error::new("InvalidGroup.NotFound", message))
        };
        for id in self.list.iter().flat_map(|interface| &interface.groups) {
            if !is_resource_id(id, "sg-") {
                let message = format!("Invalid id: \"{id}\" (expecting \"sg-...\")");
                return Err(Ec2Error::new("InvalidGroupId.Malformed", message));
            }
            if **id != network.security_group_id {
                return not_found(id);
            }
        }
        let names = params.texts("SecurityGroup");
        if !names.is_empty() && params.text("SubnetId").is_some() {
            let message = "The parameter groupName cannot be used with the parameter subnet";
            return Err(Ec2Error::combination(message));
        }
        match names.iter().find(|name| **name != "default") {
            Some(unknown) => not_found(unknown),
            None => Ok(()),
        }
    }

    /// The private addresses that are named, by number and in the order of the list; only one
    /// instance can have them.
    pub(super) fn private_addresses(&self, zone: Option<&Zone>, max_count: u32) -> Result<Vec<Option<u32>>, Ec2Error> {
        let mut addresses: Vec<Option<u32>> = Vec::with_capacity(self.list.len());
        for interface in &self.list {
            let Some(text) = interface.private_address else {
                addresses.push(None);
                continue;
            };
            if max_count > 1 {
                let message = "A private IP address can be specified for one instance only; the request asks for more.";
                return Err(Ec2Error::combination(message));
            }
            if !interface.has_address() {
                let message = "EFA-only network interfaces do not support IP addresses.";
                return Err(Ec2Error::combination(message));
            }
            let Some(zone) = zone.filter(|_| interface.subnet_id.is_some() || self.described) else {
                let message = "Specifying an IP address is only valid for VPC instances and thus requires a subnet in \
                               which to launch";
                return Err(Ec2Error::combination(message));
            };
            let number = number_in(zone, text)?;
            if addresses.contains(&Some(number)) {
                return Err(in_use(text));
            }
            addresses.push(Some(number));
        }
        Ok(addresses)
    }
}

/// `InvalidIPAddress.InUse`.
pub(super) fn in_use(address: &str) -> Ec2Error {
    Ec2Error::new("InvalidIPAddress.InUse", format!("Address {address} is in use."))
}

fn number_in(zone: &Zone, text: &str) -> Result<u32, Ec2Error> {
    let refuse = |why: String| Ec2Error::new("InvalidParameterValue", why);
    let address: Ipv4Addr = text.parse().map_err(|_| refuse(format!("invalid value for parameter address: {text}")))?;
    match zone.number_of(address) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(refuse(format!("Address {text} is in subnet's reserved address range"))),
        None => Err(refuse(format!("Address {text} does not fall within the subnet's address range"))),
    }
}

fn read_one<'a>(node: &'a Node, instance_type: &InstanceType) -> Result<InterfaceRequest<'a>, Ec2Error> {
    node.refuse(&NOT_SERVED)?;
    node.allow_only(&SERVED)?;
    if let Some(id) = node.text("NetworkInterfaceId") {
        // Interfaces exist here with their instances only.
        let message = format!("The networkInterface ID '{id}' does not exist");
        return Err(Ec2Error::new("InvalidNetworkInterfaceID.NotFound", message));
    }
    let number = |name: &str| -> Result<Option<u32>, Ec2Error> {
        let Some(value) = node.integer(name)? else { return Ok(None) };
        match u32::try_from(value) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Ec2Error::invalid(name, &value.to_string(), "It must not be negative.")),
        }
    };
    let device_index = number("DeviceIndex")?
        .ok_or_else(|| Ec2Error::new("InvalidParameterValue", "Each network interface requires a device index."))?;
    let network_card = number("NetworkCardIndex")?.unwrap_or(0);
    if network_card >= instance_type.network_cards() {
        let why = format!("The instance type {} does not have this network card.", instance_type.name());
        return Err(Ec2Error::invalid("networkCardIndex", &network_card.to_string(), &why));
    }
    let public_address = node.boolean("AssociatePublicIpAddress")?;
    if public_address == Some(true) && device_index != 0 {
        let message = "The associatePublicIPAddress parameter is only supported for device index 0.";
        return Err(Ec2Error::combination(message));
    }
    let interface_type = node.choice("InterfaceType", &["interface", "efa", "efa-only"])?.unwrap_or("interface");
    if interface_type != "interface" && !instance_type.supports_efa() {
        let message = format!("EFA interfaces are not supported on {}", instance_type.name());
        return Err(Ec2Error::combination(message));
    }
    Ok(InterfaceRequest {
        device_index,
        network_card,
        description: node.text("Description").unwrap_or_default(),
        interface_type,
        delete_on_termination: node.boolean("DeleteOnTermination")?.unwrap_or(true),
        subnet_id: node.text("SubnetId"),
        groups: node.texts("SecurityGroupId"),
        private_address: node.text("PrivateIpAddress"),
        public_address,
    })
}
