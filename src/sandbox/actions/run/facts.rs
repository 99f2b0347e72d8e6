//! What the instances of a launch have in common: facts of image and type, and the request's wishes.

use super::fit;
use super::request::Request;
use crate::sandbox::cloud::{Fate, Launched};
use crate::sandbox::images::facts::Image;

/// What every instance of the launch has in common.
pub(super) fn facts(request: &Request<'_>, image: &Image, security_group: &str) -> Launched {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let (cores, threads) = request.cpu.unwrap_or_else(|| request.instance_type.cores());
    let extras = image.extras.as_deref();
    let (virtualization, boot_mode) = (fit::virtualization(image).as_str(), image.boot_mode.map(|mode| mode.as_str()));
    Launched {
        image_id: image.id.to_string(),
        instance_type: request.instance_type.name().to_owned(),
        client_token: request.client_token.clone(),
        architecture: image.architecture.as_str().to_owned(),
        root_device_type: image.root_device_type.as_str().to_owned(),
        root_device_name: owned(image.root_device_name),
        virtualization: virtualization.to_owned(),
        platform: owned(image.platform()),
        platform_details: owned(image.billing.map(|billing| billing.platform_details())),
        usage_operation: owned(image.billing.map(|billing| billing.as_str())),
        boot_mode: owned(boot_mode),
        current_boot_mode: owned(fit::current_boot_mode(virtualization, boot_mode, request.instance_type)),
        tpm: image.tpm,
        ena: image.ena == Some(true),
        sriov: image.sriov,
        kernel: owned(image.kernel),
        ramdisk: owned(image.ramdisk),
        product_codes: extras
            .into_iter()
            .flat_map(|extras| &extras.product_codes)
            .map(|(code, kind)| (code.clone(), kind.as_str().to_owned()))
            .collect(),
        cores,
        threads_per_core: threads,
        nitro: request.instance_type.is_nitro(),
        key_name: owned(request.key_name),
        security_groups: vec![security_group.to_owned()],
        public_address: request.public_address,
        metadata: request.metadata.resolve(image.imds_v2),
        monitoring: request.monitoring,
        ebs_optimized: request.ebs_optimized || request.instance_type.is_ebs_optimized_by_default(),
        enclave: request.enclave,
        hibernation: request.hibernation,
        spot: request.options.spot.is_some(),
        tenancy: request.tenancy.to_owned(),
        iam_profile: request.iam_profile.clone(),
        shutdown_behavior: request.shutdown_behavior.unwrap_or("stop").to_owned(),
        termination_protected: request.termination_protected,
        stop_protected: request.stop_protected,
        options: request.options.clone(),
    }
}

/// What becomes of instances of this image. One that was made for UEFI and registered without
/// saying so finds nothing to boot where its type defaults to legacy BIOS.
pub(super) fn fate(image: &Image, facts: &Launched) -> Fate {
    let Some(extras) = &image.extras else { return Fate::Healthy };
    let missed = extras.boots_by.is_some_and(|mode| facts.current_boot_mode.as_deref() != Some(mode.as_str()));
    if missed { Fate::NothingToBoot } else { extras.fate.clone().unwrap_or(Fate::Healthy) }
}
