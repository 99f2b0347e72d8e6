//! DescribeInstanceAttribute, ModifyInstanceAttribute and DescribeInstanceCreditSpecifications: one
//! attribute of an instance at a time.

use super::Call;
use super::instances::answer::{View, write_volumes};
use super::instances::interface::write_groups;
use super::instances::{Asked, named};
use super::run::{fit, options};
use crate::sandbox::cloud::{Instance, InstanceState, Line};
use crate::sandbox::instance_types;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, text};
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::xml::Xml;

/// `InstanceAttributeName`.
const ATTRIBUTES: [&str; 16] = [
    "blockDeviceMapping",
    "disableApiStop",
    "disableApiTermination",
    "ebsOptimized",
    "enaSupport",
    "enclaveOptions",
    "groupSet",
    "instanceInitiatedShutdownBehavior",
    "instanceType",
    "kernel",
    "productCodes",
    "ramdisk",
    "rootDeviceName",
    "sourceDestCheck",
    "sriovNetSupport",
    "userData",
];
/// The parameters of ModifyInstanceAttribute that name an attribute, each with the attribute.
const MODIFIABLE: [(&str, &str); 9] = [
    ("BlockDeviceMapping", "blockDeviceMapping"),
    ("DisableApiStop", "disableApiStop"),
    ("DisableApiTermination", "disableApiTermination"),
    ("EbsOptimized", "ebsOptimized"),
    ("GroupId", "groupSet"),
    ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior"),
    ("InstanceType", "instanceType"),
    ("SourceDestCheck", "sourceDestCheck"),
    ("UserData", "userData"),
];
/// Those that the sandbox does not change.
const NOT_SERVED: [&str; 5] = ["EnaSupport", "EnclaveOptions", "Kernel", "Ramdisk", "SriovNetSupport"];
/// Ids in one DescribeInstanceCreditSpecifications.
const IDS_MAX: usize = 1000;

/// DescribeInstanceAttribute.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["Attribute", "InstanceId"])?;
    let params = call.params();
    let attribute = params.required("Attribute")?;
    if !ATTRIBUTES.contains(&attribute) {
        let message = format!("Value ({attribute}) for parameter attribute is invalid. Unknown attribute.");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let state = call.cloud.state();
    let id = params.required("InstanceId")?;
    let instances = named(&state, &[id], call, 1)?.unwrap_or_default();
    call.permit()?;
    let Some(instance) = instances.first() else { return Err(Ec2Error::missing("InstanceId")) };
    let view = View::new(instance, &state, call);
    xml.text("instanceId", &instance.id);
    write(xml, attribute, &view);
    Ok(())
}

fn write(xml: &mut Xml, attribute: &str, view: &View<'_>) {
    let launch = &view.instance.launch;
    let value = |xml: &mut Xml, text: Option<&str>| xml.element(attribute, |xml| xml.optional("value", text));
    let flag = |xml: &mut Xml, on: bool| xml.element(attribute, |xml| xml.value("value", on));
    match attribute {
        "blockDeviceMapping" => write_volumes(xml, view),
        "disableApiStop" => flag(xml, launch.stop_protected),
        "disableApiTermination" => flag(xml, launch.termination_protected),
        "ebsOptimized" => flag(xml, launch.ebs_optimized),
        "enaSupport" => flag(xml, launch.ena),
        "enclaveOptions" => xml.element(attribute, |xml| xml.value("enabled", launch.enclave)),
        "groupSet" => write_groups(xml, &launch.security_groups),
        "instanceInitiatedShutdownBehavior" => value(xml, Some(&launch.shutdown_behavior)),
        "instanceType" => value(xml, Some(&launch.instance_type)),
        "kernel" => value(xml, launch.kernel.as_deref()),
        "productCodes" => xml.list(attribute, &launch.product_codes, |xml, (code, kind)| {
            xml.text("productCode", code);
            xml.text("type", kind);
        }),
        "ramdisk" => value(xml, launch.ramdisk.as_deref()),
        "rootDeviceName" => value(xml, launch.root_device_name.as_deref()),
        "sourceDestCheck" => {
            flag(xml, view.interfaces().first().is_none_or(|primary| primary.source_dest_check));
        }
        "sriovNetSupport" => value(xml, launch.sriov.then_some("simple")),
        _ => value(xml, launch.options.user_data.as_deref()),
    }
}

/// ModifyInstanceAttribute: one attribute of one instance.
pub(super) fn modify(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    let params = call.params();
    params.refuse(&NOT_SERVED)?;
    let mut known = vec!["Attribute", "InstanceId", "Value"];
    known.extend(MODIFIABLE.iter().map(|(parameter, _)| *parameter));
    call.query.allow_only(&known)?;
    let given: Vec<(&str, &str)> =
        MODIFIABLE.iter().copied().filter(|(parameter, _)| params.member(parameter).is_some()).collect();
    let (attribute, text, node) = match (params.text("Attribute"), given.as_slice()) {
        (None, []) => return Err(Ec2Error::combination("No attributes specified.")),
        // The older form; block devices and groups are lists in either.
        (Some(attribute), []) => (attribute, params.text("Value"), params),
        (named, [(parameter, attribute)]) if named.is_none_or(|named| named == *attribute) => {
            let node = params.member(parameter).unwrap_or(params);
            (*attribute, node.text("Value").or(node.own_text()), params)
        }
        _ => return Err(Ec2Error::combination("Fields for multiple attribute types specified")),
    };
    let mut state = call.cloud.state();
    let id = params.required("InstanceId")?;
    let found = named(&state, &[id], call, 1)?.unwrap_or_default();
    let mut instance = found.first().map(|found| (*found).clone()).ok_or_else(|| Ec2Error::missing("InstanceId"))?;
    if matches!(instance.standing(call.now).state, InstanceState::ShuttingDown | InstanceState::Terminated) {
        let message = format!("The instance '{}' is not in a state that allows the change.", instance.id);
        return Err(Ec2Error::new("IncorrectInstanceState", message));
    }
    change(call, &mut instance, attribute, text, node)?;
    call.permit()?;
    let region = call.place();
    call.change(&mut state, Line::Instances { region, instances: vec![instance] })?;
    xml.value("return", true);
    Ok(())
}

fn change(
    call: &Call<'_>,
    instance: &mut Instance,
    attribute: &str,
    text: Option<&str>,
    params: &Node,
) -> Result<(), Ec2Error> {
    let required = || text.ok_or_else(|| Ec2Error::missing("value"));
    let flag = || match required()? {
        on if on.eq_ignore_ascii_case("true") => Ok(true),
        off if off.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(Ec2Error::invalid(attribute, other, "Expected true or false.")),
    };
    match attribute {
        "blockDeviceMapping" => return change_devices(instance, params),
        "disableApiStop" => instance.launch.stop_protected = flag()?,
        "disableApiTermination" => instance.launch.termination_protected = flag()?,
        "ebsOptimized" => {
            let on = flag()?;
            must_be_stopped(call, instance)?;
            instance.launch.ebs_optimized = on;
        }
        "groupSet" => {
            let own = &call.cloud.network.security_group_id;
            if let Some(unknown) = params.texts("GroupId").iter().find(|group| *group != own) {
                let message = format!("The security group '{unknown}' does not exist");
                return Err(Ec2Error::new("InvalidGroup.NotFound", message));
            }
        }
        "instanceInitiatedShutdownBehavior" => {
            let behavior = required()?;
            if !matches!(behavior, "stop" | "terminate") {
                let why = "Expected one of: stop, terminate.";
                return Err(Ec2Error::invalid("instanceInitiatedShutdownBehavior", behavior, why));
            }
            if instance.launch.root_device_type == "instance-store" {
                let message = "The attribute instanceInitiatedShutdownBehavior can only be used for elastic images.";
                return Err(Ec2Error::combination(message));
            }
            behavior.clone_into(&mut instance.launch.shutdown_behavior);
        }
        "instanceType" => return change_type(call, instance, required()?),
        "sourceDestCheck" => {
            let on = flag()?;
            let [only] = instance.interfaces.as_mut_slice() else {
                let message = format!(
                    "There are multiple interfaces attached to instance '{}'. Please specify an interface ID for the \
                     operation instead.",
                    instance.id
                );
                return Err(Ec2Error::new("InvalidInstanceID", message));
            };
            only.source_dest_check = on;
        }
        "userData" => {
            let data = options::user_data(text.unwrap_or_default())?;
            must_be_stopped(call, instance)?;
            instance.launch.options.user_data = Some(data).filter(|data| !data.is_empty());
        }
        known if ATTRIBUTES.contains(&known) => {
            return Err(Ec2Error::not_served(&format!("changing the attribute {known}")));
        }
        unknown => return Err(Ec2Error::invalid("attribute", unknown, "Unknown attribute.")),
    }
    Ok(())
}

/// `DeleteOnTermination` of volumes that are attached.
fn change_devices(instance: &mut Instance, params: &Node) -> Result<(), Ec2Error> {
    for mapping in params.list("BlockDeviceMapping") {
        let device = mapping.required("DeviceName")?;
        let Some(volume) = instance.volumes.iter_mut().find(|volume| volume.device == device) else {
            let message = format!("No device is currently mapped at {device}");
            return Err(Ec2Error::new("InvalidInstanceAttributeValue", message));
        };
        let Some(ebs) = mapping.member("Ebs") else {
            return Err(Ec2Error::missing(&format!("{}.Ebs", mapping.path())));
        };
        if let Some(delete) = ebs.boolean("DeleteOnTermination")? {
            volume.delete_on_termination = delete;
        }
    }
    Ok(())
}

/// Another instance type, which must fit what was copied from the image (EC2 User Guide, "Change
/// the instance type").
fn change_type(call: &Call<'_>, instance: &mut Instance, name: &str) -> Result<(), Ec2Error> {
    let instance_type = instance_types::get(name).ok_or_else(|| {
        Ec2Error::new("InvalidInstanceAttributeValue", format!("Invalid value '{name}' for instanceType."))
    })?;
    must_be_stopped(call, instance)?;
    fit::architecture(&instance.launch.architecture, instance_type)?;
    fit::virtualization_type(&instance.launch.virtualization, instance_type)?;
    fit::boot_mode(instance.launch.boot_mode.as_deref(), instance_type)?;
    if instance_type.requires_ena() && !instance.launch.ena {
        return Err(fit::needs_ena(instance_type));
    }
    let interfaces = instance.interfaces.len();
    if interfaces > instance_type.network_interfaces() {
        let message = format!("Interface count {interfaces} exceeds the limit for {name}");
        return Err(Ec2Error::new("AttachmentLimitExceeded", message));
    }
    let network = &call.cloud.network;
    if network.zone(&instance.zone).is_some_and(|zone| !zone.offers(instance_type, network)) {
        let message = format!(
            "Your requested instance type ({name}) is not supported in your requested Availability Zone ({}).",
            instance.zone
        );
        return Err(Ec2Error::new("Unsupported", message));
    }
    let launch = &mut instance.launch;
    name.clone_into(&mut launch.instance_type);
    (launch.cores, launch.threads_per_core) = instance_type.cores();
    launch.nitro = instance_type.is_nitro();
    launch.current_boot_mode =
        fit::current_boot_mode(&launch.virtualization, launch.boot_mode.as_deref(), instance_type).map(str::to_owned);
    launch.ebs_optimized |= instance_type.is_ebs_optimized_by_default();
    launch.options.cpu_credits = options::default_credits(instance_type);
    Ok(())
}

fn must_be_stopped(call: &Call<'_>, instance: &Instance) -> Result<(), Ec2Error> {
    if instance.standing(call.now).state.as_str() == "stopped" {
        return Ok(());
    }
    let message = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
    Err(Ec2Error::new("IncorrectInstanceState", message))
}

/// Pushes the values of one filter.
pub(crate) type CreditFact = for<'a> fn(&View<'a>, &mut Values<'a>);

/// The filters of DescribeInstanceCreditSpecifications.
pub(crate) const CREDIT_FILTERS: &Table<CreditFact> =
    &[("instance-id", |view, values| text(values, &view.instance.id))];

/// DescribeInstanceCreditSpecifications: of burstable instances. Without ids, of those that are
/// `unlimited`.
pub(super) fn describe_credits(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Filter", "MaxResults", "NextToken"])?;
    let filters = Filters::read(call.params(), CREDIT_FILTERS)?;
    let asked = Asked::read(call)?;
    let state = call.cloud.state();
    let named = named(&state, &asked.ids, call, IDS_MAX)?;
    call.permit()?;
    let credits = |instance: &Instance| instance.launch.options.cpu_credits.clone();
    if let Some(other) = named.iter().flatten().find(|instance| credits(instance).is_none()) {
        let message = format!("The instance '{}' does not support credit specification", other.id);
        return Err(Ec2Error::new("InvalidParameterCombination", message));
    }
    let is_named = named.is_some();
    let (views, token) = asked.answer(call, &state, named, |view| {
        let is_shown = is_named || credits(view.instance).as_deref() == Some("unlimited");
        is_shown && filters.pass(|fact, values| fact(view, values))
    });
    xml.list("instanceCreditSpecificationSet", views, |xml, view| {
        xml.text("instanceId", &view.instance.id);
        xml.optional("cpuCredits", credits(view.instance).as_deref());
    });
    xml.optional("nextToken", token.as_deref());
    Ok(())
}
