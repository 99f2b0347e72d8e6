//! What an image and an instance type say to each other: EC2's refusals, each with its code.
//!
//! Codes and messages are those that EC2 was seen to answer. Where no real answer is known the
//! comment says so, and the code is the one that EC2's list of error codes suggests.

use super::request::Request;
use crate::sandbox::account::Account;
use crate::sandbox::actions::Call;
use crate::sandbox::actions::images::{find, malformed, not_found};
use crate::sandbox::cloud;
use crate::sandbox::images::changes::Current;
use crate::sandbox::images::facts::{
    Alias, Architecture, BootMode, Image, ImageType, RootDeviceType, State, Virtualization,
};
use crate::sandbox::instance_types::InstanceType;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::pattern::Pattern;
use crate::sandbox::wire::resource_id::is_resource_id;

/// Linux hibernates with less memory than this, Windows with at most that.
const HIBERNATION_MIB_LIMIT: u64 = 150 * 1024;
const HIBERNATION_WINDOWS_MIB_MAX: u64 = 16 * 1024;

/// The image to launch: it exists, the account may see and use it, and it is available.
pub(super) fn image<'a>(call: &Call<'a>, state: &cloud::State, request: &Request<'_>) -> Result<Current<'a>, Ec2Error> {
    let id = request.image_id;
    if !is_resource_id(id, "ami-") {
        return Err(malformed(id));
    }
    let image = find(call, state, id).ok_or_else(|| not_found(id))?;
    if image.state != Some(State::Available) || image.image_type != ImageType::Machine {
        let state = image.state.map_or("unknown", State::as_str);
        let message =
            format!("The image ID '{id}' is not in a state from which you can launch an instance: it is {state}");
        return Err(Ec2Error::new("InvalidAMIID.Unavailable", message));
    }
    if needs_subscription(&image) {
        let code = image.extras.iter().flat_map(|extras| &extras.product_codes).map(|(code, _)| code.as_str()).next();
        let message = format!(
            "In order to use this AWS Marketplace product you need to accept terms and subscribe. To do so please visit \
             https://aws.amazon.com/marketplace/pp?sku={}",
            code.unwrap_or_default()
        );
        return Err(Ec2Error::with_status(401, "OptInRequired", message));
    }
    Ok(image)
}

/// Whether the account has yet to subscribe to what the image's owner sells.
fn needs_subscription(image: &Image) -> bool {
    image.alias == Some(Alias::Marketplace) && image.extras.as_ref().is_some_and(|extras| extras.unsubscribed)
}

/// All rules that follow from the image, the type and the options; the first that fails answers.
pub(super) fn check(image: &Image, request: &Request<'_>, account: &Account) -> Result<(), Ec2Error> {
    let instance_type = request.instance_type;
    product(image, instance_type)?;
    architecture(image.architecture.as_str(), instance_type)?;
    virtualization_type(virtualization(image).as_str(), instance_type)?;
    boot_mode(image.boot_mode.map(BootMode::as_str), instance_type)?;
    ena(image, instance_type)?;
    root_device(image, instance_type)?;
    tpm(image, instance_type)?;
    allowed_types(image, instance_type)?;
    market_and_tenancy(request)?;
    metadata(image, request, account)?;
    shutdown(image, request)?;
    enclave(request)?;
    hibernation(image, request)
}

/// The image's virtualization type; the oldest records lack it and are paravirtual.
pub(super) fn virtualization(image: &Image) -> Virtualization {
    image.virtualization.unwrap_or(Virtualization::Paravirtual)
}

/// The boot mode that an instance ends up with (EC2 User Guide, "Boot modes"): an image without
/// one follows its type's default, which is UEFI on Graviton and legacy BIOS elsewhere.
/// Paravirtual instances boot by neither.
pub(in crate::sandbox::actions) fn current_boot_mode(
    virtualization: &str,
    image_mode: Option<&str>,
    instance_type: &InstanceType,
) -> Option<&'static str> {
    if virtualization == Virtualization::Paravirtual.as_str() {
        return None;
    }
    let modes = instance_type.boot_modes();
    let uefi = match image_mode {
        Some("uefi") => true,
        Some("uefi-preferred") => modes.contains(&"uefi"),
        Some(_) => false,
        None => !modes.contains(&"legacy-bios"),
    };
    Some(if uefi { "uefi" } else { "legacy-bios" })
}

/// A Marketplace product is sold for the types that its seller lists. Nobody lists what is no
/// longer current, or bare metal; that stands for every list here.
fn product(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let sold = instance_type.is_current_generation() && !instance_type.is_bare_metal();
    if image.alias != Some(Alias::Marketplace) || sold {
        return Ok(());
    }
    Err(Ec2Error::new(
        "UnsupportedOperation",
        "The instance configuration for this AWS Marketplace product is not supported. Please see the AWS Marketplace \
         site for more information about supported instance types, regions, and operating systems.",
    ))
}

/// Whether a type of this image's architecture is asked for.
pub(in crate::sandbox::actions) fn architecture(wanted: &str, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let supported = instance_type.architectures();
    if supported.contains(&wanted) {
        return Ok(());
    }
    let message = format!(
        "The architecture '{}' of the specified instance type does not match the architecture '{wanted}' of the \
         specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can \
         use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
        supported.join(",")
    );
    Err(Ec2Error::new("InvalidParameterValue", message))
}

/// Whether a type of this virtualization type is asked for.
pub(in crate::sandbox::actions) fn virtualization_type(
    wanted: &str,
    instance_type: &InstanceType,
) -> Result<(), Ec2Error> {
    let supported = instance_type.virtualization_types();
    let name = instance_type.name();
    match wanted {
        wanted if supported.contains(&wanted) => Ok(()),
        "paravirtual" => Err(Ec2Error::combination(format!(
            "Virtualization type 'hvm' is required for instances of type '{name}'. Ensure that you are using an AMI \
             with virtualization type 'hvm'."
        ))),
        // No type that is paravirtual only is left; kept for whoever embeds one.
        _ => Err(Ec2Error::combination(
            "Non-Windows instances with a virtualization type of 'hvm' are currently not supported for this instance type.",
        )),
    }
}

/// Whether a type that can boot in the image's mode is asked for.
pub(in crate::sandbox::actions) fn boot_mode(
    image_mode: Option<&str>,
    instance_type: &InstanceType,
) -> Result<(), Ec2Error> {
    let modes = instance_type.boot_modes();
    let name = instance_type.name();
    match image_mode {
        Some("uefi") if !modes.contains(&"uefi") => Err(Ec2Error::new(
            "InvalidParameterValue",
            format!(
                "The {name} instance type does not support an AMI with a boot mode of UEFI. Only instance types built \
                 on the Nitro System support UEFI. Specify an instance type that supports UEFI, and try again."
            ),
        )),
        // No public example; worded after the one above.
        Some("legacy-bios") if !modes.contains(&"legacy-bios") => Err(Ec2Error::new(
            "InvalidParameterValue",
            format!("The {name} instance type does not support an AMI with a boot mode of legacy-bios."),
        )),
        _ => Ok(()),
    }
}

fn ena(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    if image.ena == Some(true) || !instance_type.requires_ena() {
        return Ok(());
    }
    Err(needs_ena(instance_type))
}

/// The refusal of a type that requires ENA.
pub(in crate::sandbox::actions) fn needs_ena(instance_type: &InstanceType) -> Ec2Error {
    Ec2Error::combination(format!(
        "Enhanced networking with the Elastic Network Adapter (ENA) is required for the '{}' instance type. Ensure that \
         you are using an AMI that is enabled for ENA.",
        instance_type.name()
    ))
}

fn root_device(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    if instance_type.root_device_types().contains(&image.root_device_type.as_str()) {
        return Ok(());
    }
    Err(Ec2Error::new(
        "UnsupportedOperation",
        format!(
            "AMI '{}' with an {} root device is not supported for the instance type '{}'.",
            image.id,
            image.root_device_type.as_str(),
            instance_type.name()
        ),
    ))
}

/// NitroTPM needs a type that has it, and UEFI.
fn tpm(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let image_mode = image.boot_mode.map(BootMode::as_str);
    let boot_mode = current_boot_mode(virtualization(image).as_str(), image_mode, instance_type);
    if !image.tpm || instance_type.supports_tpm() && boot_mode == Some("uefi") {
        return Ok(());
    }
    // No public example of this answer is known.
    Err(Ec2Error::new(
        "UnsupportedOperation",
        format!("The instance type '{}' does not support an AMI that is enabled for NitroTPM.", instance_type.name()),
    ))
}

fn allowed_types(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let Some(extras) = &image.extras else { return Ok(()) };
    let name = instance_type.name();
    let any = |patterns: &[String]| patterns.iter().any(|pattern| Pattern::new(pattern).matches(name));
    let supported = extras.supported_types.is_empty() || any(&extras.supported_types);
    if supported && !any(&extras.unsupported_types) {
        return Ok(());
    }
    Err(Ec2Error::combination(
        "This AMI does not support the specified instance type. Check DescribeImages for InstanceTypeSpecification to \
         see which instance types the AMI supports.",
    ))
}

fn market_and_tenancy(request: &Request<'_>) -> Result<(), Ec2Error> {
    let instance_type = request.instance_type;
    let purchase = if request.options.spot.is_some() { "spot" } else { "on-demand" };
    if !instance_type.usage_classes().contains(&purchase) {
        let message = format!(
            "Your requested instance type ({}) is not supported with the purchase option '{purchase}'.",
            instance_type.name()
        );
        return Err(Ec2Error::new("Unsupported", message));
    }
    if purchase == "spot" && request.tenancy == "host" {
        return Err(Ec2Error::combination("Spot Instances do not support the tenancy 'host'."));
    }
    if request.tenancy == "host" {
        // The sandbox's account has allocated no host. Which code EC2 gives with this text is not
        // known for certain.
        let message =
            "You do not have a host with a matching configuration and sufficient capacity to launch the instance.";
        return Err(Ec2Error::new("UnavailableHostRequirements", message));
    }
    // Macs run on dedicated hosts only, and the oldest burstable types on shared hardware only.
    let shared_only = matches!(instance_type.family(), "t1" | "t2");
    if instance_type.is_mac() || request.tenancy == "dedicated" && shared_only {
        let message = "The requested configuration is currently not supported. Please check the documentation for \
                       supported configurations.";
        return Err(Ec2Error::new("Unsupported", message));
    }
    Ok(())
}

/// An account may demand IMDSv2 of every launch (EC2 User Guide, "Enforce IMDSv2 at the account
/// level").
fn metadata(image: &Image, request: &Request<'_>, account: &Account) -> Result<(), Ec2Error> {
    if !account.http_tokens_enforced || request.metadata.resolve(image.imds_v2).http_tokens == "required" {
        return Ok(());
    }
    Err(Ec2Error::new(
        "UnsupportedOperation",
        "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account. Either launch \
         the instance with httpTokens=required or contact your account owner to disable httpTokensEnforced.",
    ))
}

fn shutdown(image: &Image, request: &Request<'_>) -> Result<(), Ec2Error> {
    if image.root_device_type == RootDeviceType::InstanceStore && request.shutdown_behavior.is_some() {
        let message = "The attribute instanceInitiatedShutdownBehavior can only be used for elastic images.";
        return Err(Ec2Error::combination(message));
    }
    Ok(())
}

fn enclave(request: &Request<'_>) -> Result<(), Ec2Error> {
    if !request.enclave {
        return Ok(());
    }
    if request.hibernation {
        let message = "Hibernation and Nitro Enclaves cannot be enabled on the same instance.";
        return Err(Ec2Error::combination(message));
    }
    if !request.instance_type.supports_enclaves() {
        // No public example of this answer is known.
        let message = format!("The instance type '{}' does not support Nitro Enclaves.", request.instance_type.name());
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    Ok(())
}

/// What can be judged before the block device mappings are resolved; an encrypted root volume is
/// judged there.
fn hibernation(image: &Image, request: &Request<'_>) -> Result<(), Ec2Error> {
    if !request.hibernation {
        return Ok(());
    }
    let refuse = |message: String| Err(Ec2Error::new("UnsupportedHibernationConfiguration", message));
    let instance_type = request.instance_type;
    let memory_mib = instance_type.memory_mib();
    let has_windows = image.platform().is_some();
    let too_much =
        if has_windows { memory_mib > HIBERNATION_WINDOWS_MIB_MAX } else { memory_mib >= HIBERNATION_MIB_LIMIT };
    if !instance_type.supports_hibernation() || too_much {
        return refuse(format!(
            "Unsupported hibernation configuration: the instance type '{}' does not support it.",
            instance_type.name()
        ));
    }
    let fits = image.root_device_type == RootDeviceType::Ebs
        && virtualization(image) == Virtualization::Hvm
        && matches!(image.architecture, Architecture::X86_64 | Architecture::Arm64 | Architecture::I386);
    if !fits {
        return refuse("Unsupported hibernation configuration: the AMI does not support it.".to_owned());
    }
    Ok(())
}
