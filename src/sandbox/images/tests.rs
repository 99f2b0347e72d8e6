//! The catalogue holds every class, at every size and seed.

use std::collections::BTreeMap;

use super::facts::*;
use super::*;

fn catalog(seed: u64, count: usize) -> Catalog {
    Catalog::generate(seed, &ACCOUNT_ID.parse().unwrap(), &"sandbox-1".parse().unwrap(), count)
}

/// Every word that images of this catalogue say, with how many say it.
fn census(catalog: &Catalog) -> BTreeMap<String, usize> {
    let mut census = BTreeMap::new();
    let mut count = |what: &str, word: &str| *census.entry(format!("{what}={word}")).or_default() += 1;
    for image in catalog.all() {
        count("architecture", image.architecture.as_str());
        count("image type", image.image_type.as_str());
        count("state", image.state.map_or("absent", State::as_str));
        count("root device", image.root_device_type.as_str());
        count("virtualization", image.virtualization.map_or("absent", Virtualization::as_str));
        count("hypervisor", image.hypervisor.as_str());
        count("boot mode", image.boot_mode.map_or("absent", BootMode::as_str));
        count("alias", image.alias.map_or("absent", Alias::as_str));
        count("billing", image.billing.map_or("absent", Billing::as_str));
        count("ena", &format!("{:?}", image.ena));
        count("tpm", &image.tpm.to_string());
        count("imds", &image.imds_v2.to_string());
        count("sriov", &image.sriov.to_string());
        count("public", &image.public.to_string());
        count("share", &format!("{:?}", image.share));
        count("free tier", &image.free_tier.to_string());
        count("deprecated", &image.deprecated.is_some().to_string());
        count("kernel", &image.kernel.is_some().to_string());
        count("ramdisk", &image.ramdisk.is_some().to_string());
        count("own", &image.is_owned_by(ACCOUNT_ID).to_string());
        count("name", &image.name.is_some().to_string());
        count("created", &image.created.is_some().to_string());
        let volumes = || {
            image.mappings.iter().filter_map(|mapping| match &mapping.target {
                Target::Ebs(volume) => Some(volume),
                Target::Ephemeral(_) | Target::Nothing => None,
            })
        };
        for kind in VolumeType::ALL.iter().filter(|kind| volumes().any(|volume| volume.volume_type == **kind)) {
            count("volume type", kind.as_str());
        }
        count("encrypted", &volumes().any(|volume| volume.encrypted).to_string());
        count("several volumes", &(volumes().count() > 1).to_string());
        count("without snapshot", &volumes().any(|volume| volume.snapshot.is_none()).to_string());
        let has =
            |wanted: fn(&Target) -> bool| image.mappings.iter().any(|mapping| wanted(&mapping.target)).to_string();
        count("ephemeral", &has(|target| matches!(target, Target::Ephemeral(_))));
        count("no device", &has(|target| matches!(target, Target::Nothing)));
        let root_mapped = image.mappings.iter().any(|mapping| Some(mapping.device) == image.root_device_name);
        count("root mapped", &root_mapped.to_string());
        let odd = image.virtualization == Some(Virtualization::Paravirtual) && image.ena == Some(true);
        count("paravirtual with ENA", &odd.to_string());
        let odd = image.virtualization == Some(Virtualization::Hvm) && image.kernel.is_some();
        count("HVM with kernel", &odd.to_string());
        let Some(extras) = &image.extras else { continue };
        extras.product_codes.iter().for_each(|(_, kind)| count("product", kind.as_str()));
        count("unsubscribed", &extras.unsubscribed.to_string());
        count("state reason", &extras.state_reason.is_some().to_string());
        count("source image", &extras.source_image.is_some().to_string());
        count("source instance", &extras.source_instance.is_some().to_string());
        count("watermark", &(!extras.watermarks.is_empty()).to_string());
        count("parameter", &extras.ssm_parameter.is_some().to_string());
        count("former parameter", &extras.former_ssm_parameter.is_some().to_string());
        count("shared with accounts", &(!extras.permissions.users.is_empty()).to_string());
        count("shared with organizations", &(!extras.permissions.organizations.is_empty()).to_string());
        count("shared with units", &(!extras.permissions.units.is_empty()).to_string());
        count("supported types", &(!extras.supported_types.is_empty()).to_string());
        count("unsupported types", &(!extras.unsupported_types.is_empty()).to_string());
        count("protection", extras.deregistration_protection.unwrap_or("absent"));
        if let Some(scan) = &extras.scan {
            count("severity", scan.highest().map_or("absent", Severity::as_str));
        }
    }
    census
}

#[test]
fn the_smallest_catalogue_has_three_of_every_class() {
    let census = census(&catalog(7, IMAGES_MIN));
    let words =
        |what: &str, words: &[&str]| -> Vec<String> { words.iter().map(|word| format!("{what}={word}")).collect() };
    let all = |what: &str, words: Vec<&'static str>| -> Vec<String> {
        words.into_iter().map(|word| format!("{what}={word}")).collect()
    };
    let both = ["true", "false"];
    let expected = [
        all("architecture", Architecture::ALL.iter().map(|w| w.as_str()).collect()),
        all("image type", ImageType::ALL.iter().map(|w| w.as_str()).collect()),
        all("state", State::ALL.iter().map(|w| w.as_str()).collect()),
        all("root device", RootDeviceType::ALL.iter().map(|w| w.as_str()).collect()),
        all("virtualization", Virtualization::ALL.iter().map(|w| w.as_str()).collect()),
        all("hypervisor", Hypervisor::ALL.iter().map(|w| w.as_str()).collect()),
        all("boot mode", BootMode::ALL.iter().map(|w| w.as_str()).collect()),
        all("alias", Alias::ALL.iter().map(|w| w.as_str()).collect()),
        all("billing", Billing::ALL.iter().map(|w| w.as_str()).collect()),
        all("volume type", VolumeType::ALL.iter().map(|w| w.as_str()).collect()),
        all("product", ProductCodeType::ALL.iter().map(|w| w.as_str()).collect()),
        all("severity", Severity::ALL.iter().map(|w| w.as_str()).collect()),
        words("severity", &["absent"]),
        words("boot mode", &["absent"]),
        words("alias", &["absent"]),
        words("state", &["absent"]),
        words("virtualization", &["absent"]),
        words("ena", &["None", "Some(true)", "Some(false)"]),
        words("share", &["Nobody", "Account", "Organization"]),
        words("protection", &["disabled", "enabled-with-cooldown"]),
        [
            "tpm",
            "imds",
            "sriov",
            "public",
            "free tier",
            "deprecated",
            "kernel",
            "ramdisk",
            "own",
            "name",
            "created",
            "encrypted",
            "several volumes",
            "without snapshot",
            "ephemeral",
            "no device",
            "root mapped",
            "paravirtual with ENA",
            "HVM with kernel",
            "unsubscribed",
            "state reason",
            "source image",
            "source instance",
            "watermark",
            "parameter",
            "former parameter",
            "shared with accounts",
            "shared with organizations",
            "shared with units",
            "supported types",
            "unsupported types",
        ]
        .iter()
        .flat_map(|what| words(what, &both))
        .collect(),
    ];
    for word in expected.iter().flatten() {
        let found = census.get(word).copied().unwrap_or(0);
        assert!(found >= 3, "{word}: {found}");
    }
}

#[test]
fn the_same_seed_gives_the_same_images() {
    let ids = |catalog: &Catalog| catalog.all().iter().map(|image| image.id.clone()).collect::<Vec<_>>();
    let text = |catalog: &Catalog| format!("{:?}", catalog.all());
    assert_eq!(text(&catalog(1, 1000)), text(&catalog(1, 1000)));
    assert_ne!(ids(&catalog(1, 1000)), ids(&catalog(2, 1000)));
    // A bigger catalogue begins with the smaller one.
    assert_eq!(ids(&catalog(1, 1000)), ids(&catalog(1, 3000))[..1000]);
    let mut unique = ids(&catalog(3, 5000));
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 5000);
}

#[test]
fn landmarks_do_not_depend_on_the_seed() {
    let (one, other) = (catalog(1, 400), catalog(99, 2000));
    for id in [landmarks::AMAZON_LINUX_2023_X86_64, landmarks::PARAVIRTUAL_EBS_I386, landmarks::NEVER_READY] {
        let facts = |catalog: &Catalog| format!("{:?}", catalog.get(id).unwrap());
        assert_eq!(facts(&one), facts(&other));
    }
    let deprecated = one.get(landmarks::DEPRECATED_AMAZON_LINUX_2).unwrap();
    assert!(deprecated.is_deprecated(Timestamp::from_second(1_600_000_000).unwrap()));
    let age = |image: &Image| image.created.is_none_or(|time| time.as_second() < generate::EPOCH_SECOND);
    assert!(other.all().iter().all(age), "nothing is younger than the epoch");
}
