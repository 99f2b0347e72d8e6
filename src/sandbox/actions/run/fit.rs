//! What an image and an instance type say to each other: EC2's refusals, each with its code.
//!
//! Codes and messages are those that EC2 was seen to answer. Where no real answer is known the
//! comment says so, and the code is the one that EC2's list of error codes suggests.

use super::needs_subscription;
use super::request::Request;
use crate::sandbox::actions::Call;
use crate::sandbox::actions::images::{is_resource_id, not_found};
use crate::sandbox::images::facts::{Architecture, BootMode, Image, ImageType, RootDeviceType, State, Virtualization};
use crate::sandbox::instance_types::InstanceType;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::pattern::Pattern;

/// More memory than this cannot be hibernated, Windows less still.
const HIBERNATION_MIB_MAX: u64 = 150 * 1024;
const HIBERNATION_WINDOWS_MIB_MAX: u64 = 16 * 1024;

/// The image to launch: it exists, the account may see it, and it is available.
pub(super) fn image<'a>(call: &Call<'a>, request: &Request<'_>) -> Result<&'a Image, Ec2Error> {
    let id = request.image_id;
    if !is_resource_id(id, "ami-") {
        let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
        return Err(Ec2Error::new("InvalidAMIID.Malformed", message));
    }
    let image = call.cloud.catalog.get(id).filter(|image| image.is_visible()).ok_or_else(|| not_found(id))?;
    if image.state != Some(State::Available) || image.image_type != ImageType::Machine {
        let state = image.state.map_or("unknown", State::as_str);
        let message =
            format!("The image ID '{id}' is not in a state from which you can launch an instance: it is {state}");
        return Err(Ec2Error::new("InvalidAMIID.Unavailable", message));
    }
    if needs_subscription(image) {
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

/// All rules that follow from the image, the type and the options; the first that fails answers.
pub(super) fn check(image: &Image, request: &Request<'_>) -> Result<(), Ec2Error> {
    let instance_type = request.instance_type;
    architecture(image, instance_type)?;
    virtualization_type(image, instance_type)?;
    boot_mode(image, instance_type)?;
    ena(image, instance_type)?;
    root_device(image, instance_type)?;
    tpm(image, instance_type)?;
    allowed_types(image, instance_type)?;
    market_and_tenancy(request)?;
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
pub(super) fn current_boot_mode(image: &Image, instance_type: &InstanceType) -> Option<&'static str> {
    if virtualization(image) == Virtualization::Paravirtual {
        return None;
    }
    let modes = instance_type.boot_modes();
    let uefi = match image.boot_mode {
        Some(BootMode::Uefi) => true,
        Some(BootMode::UefiPreferred) => modes.contains(&"uefi"),
        Some(BootMode::LegacyBios) => false,
        None => !modes.contains(&"legacy-bios"),
    };
    Some(if uefi { "uefi" } else { "legacy-bios" })
}

fn architecture(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let supported = instance_type.architectures();
    let wanted = image.architecture.as_str();
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

fn virtualization_type(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let supported = instance_type.virtualization_types();
    let name = instance_type.name();
    match virtualization(image) {
        wanted if supported.contains(&wanted.as_str()) => Ok(()),
        Virtualization::Paravirtual => Err(Ec2Error::combination(format!(
            "Virtualization type 'hvm' is required for instances of type '{name}'. Ensure that you are using an AMI \
             with virtualization type 'hvm'."
        ))),
        // No type that is paravirtual only is left; kept for whoever embeds one.
        Virtualization::Hvm => Err(Ec2Error::combination(
            "Non-Windows instances with a virtualization type of 'hvm' are currently not supported for this instance type.",
        )),
    }
}

fn boot_mode(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    let modes = instance_type.boot_modes();
    let name = instance_type.name();
    match image.boot_mode {
        Some(BootMode::Uefi) if !modes.contains(&"uefi") => Err(Ec2Error::new(
            "InvalidParameterValue",
            format!(
                "The {name} instance type does not support an AMI with a boot mode of UEFI. Only instance types built \
                 on the Nitro System support UEFI. Specify an instance type that supports UEFI, and try again."
            ),
        )),
        // No public example; worded after the one above.
        Some(BootMode::LegacyBios) if !modes.contains(&"legacy-bios") => Err(Ec2Error::new(
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
    Err(Ec2Error::combination(format!(
        "Enhanced networking with the Elastic Network Adapter (ENA) is required for the '{}' instance type. Ensure that \
         you are using an AMI that is enabled for ENA.",
        instance_type.name()
    )))
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

fn tpm(image: &Image, instance_type: &InstanceType) -> Result<(), Ec2Error> {
    if !image.tpm || instance_type.supports_tpm() {
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
    if request.spot && !instance_type.usage_classes().contains(&"spot") {
        let message = format!("The instance type '{}' is not available as a Spot Instance.", instance_type.name());
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    if request.tenancy == "host" {
        // The sandbox's account has allocated no host. Which code EC2 gives with this text is not
        // known for certain.
        let message =
            "You do not have a host with a matching configuration and sufficient capacity to launch the instance.";
        return Err(Ec2Error::new("UnavailableHostRequirements", message));
    }
    if instance_type.is_mac() {
        let message = "The requested configuration is currently not supported. Please check the documentation for \
                       supported configurations.";
        return Err(Ec2Error::new("Unsupported", message));
    }
    Ok(())
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
    let memory_max = if image.platform().is_some() { HIBERNATION_WINDOWS_MIB_MAX } else { HIBERNATION_MIB_MAX };
    if !instance_type.supports_hibernation() || instance_type.memory_mib() > memory_max {
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
