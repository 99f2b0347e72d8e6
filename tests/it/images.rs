//! Knowing AMIs: lists, classification, compatibility.

use std::collections::BTreeSet;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::landmarks;
use tonic::Code;
use tonic_types::StatusExt;

use crate::world::{REGION, World};

fn filter(name: &str, values: &[&str]) -> pb::Filter {
    pb::Filter { name: name.to_owned(), values: values.iter().map(|value| (*value).to_owned()).collect() }
}

async fn get(world: &World, image_id: &str) -> pb::Image {
    let request =
        pb::GetImageRequest { region: REGION.to_owned(), image_id: image_id.to_owned(), ..Default::default() };
    world.images().get_image(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_image_once_in_order_and_pin_their_crawl() {
    let world = World::start().await;
    let mut request = pb::ListImagesRequest {
        region: REGION.to_owned(),
        owners: vec!["all".to_owned()],
        page_size: 60,
        ..Default::default()
    };
    let mut seen = Vec::new();
    let mut observed = BTreeSet::new();
    loop {
        let page = world.images().list_images(request.clone()).await.unwrap().into_inner();
        assert!(page.images.len() <= 60);
        observed.insert(page.observed_time.map(|time| time.seconds));
        seen.extend(page.images);
        if page.next_page_token.is_empty() {
            assert_eq!(usize::try_from(page.total_size).unwrap(), seen.len());
            break;
        }
        request.page_token = page.next_page_token;
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    let ids: BTreeSet<&str> = seen.iter().map(|image| image.image_id.as_str()).collect();
    assert_eq!(ids.len(), seen.len(), "no image twice");
    assert_eq!(observed.len(), 1, "every page is of the same crawl");
    let times: Vec<_> = seen.iter().filter_map(|image| image.creation_time.map(|time| time.seconds)).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "newest first");

    request.page_size = 10;
    request.owners = vec!["self".to_owned()];
    let status = world.images().list_images(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "a token belongs to its request");
    request.owners = vec!["all".to_owned()];
    world.clock.advance(std::time::Duration::from_secs(3600));
    let status = world.images().list_images(request).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "PAGE_TOKEN_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_ec2_and_of_gantry_narrow_together() {
    let world = World::start().await;
    let request = pb::ListImagesRequest {
        region: REGION.to_owned(),
        owners: vec!["all".to_owned()],
        filters: vec![filter("virtualization-type", &["paravirtual"]), filter("gantry:boot-path", &["pv-grub"])],
        include_deprecated: true,
        order_by: "name".to_owned(),
        page_size: 200,
        ..Default::default()
    };
    let page = world.images().list_images(request).await.unwrap().into_inner();
    assert!(page.images.iter().any(|image| image.image_id == landmarks::PARAVIRTUAL_EBS_X86_64));
    for image in &page.images {
        assert_eq!(image.virtualization_type(), "paravirtual");
        assert_eq!(image.classification.as_ref().unwrap().boot_path(), pb::BootPath::PvGrub);
    }

    let bootable = |on: &str| pb::ListImagesRequest {
        region: REGION.to_owned(),
        owners: vec!["all".to_owned()],
        filters: vec![filter("gantry:bootable-on", &[on])],
        page_size: 200,
        ..Default::default()
    };
    let on_m7i = world.images().list_images(bootable("m7i.large")).await.unwrap().into_inner();
    assert!(on_m7i.images.iter().all(|image| image.architecture() == "x86_64"), "no arm64, i386 or mac");
    assert!(!on_m7i.images.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notes_this_project_was_born_from_hold() {
    let world = World::start().await;
    let ebs = get(&world, landmarks::AMAZON_LINUX_2023_X86_64).await.classification.unwrap();
    assert_eq!(ebs.root_device(), pb::RootDevice::EbsBacked);
    assert_eq!(ebs.virtualization(), pb::Virtualization::Hvm);
    assert_eq!(ebs.boot_path(), pb::BootPath::UefiPreferred);
    assert_eq!(ebs.boot_speed(), pb::BootSpeed::Fast);
    assert_eq!(ebs.recommendation(), pb::Recommendation::Recommended);
    assert_eq!(ebs.source(), pb::ImageSource::Amazon);
    let kept = ebs.persistence.unwrap();
    assert_eq!(
        (kept.stoppable, kept.root_survives_stop, kept.root_survives_reboot),
        (Some(true), Some(true), Some(true))
    );

    let s3 = get(&world, landmarks::HVM_INSTANCE_STORE_X86_64).await.classification.unwrap();
    assert_eq!(s3.root_device(), pb::RootDevice::InstanceStoreBacked);
    assert_eq!(s3.boot_speed(), pb::BootSpeed::Slow);
    let kept = s3.persistence.unwrap();
    assert_eq!((kept.stoppable, kept.root_survives_reboot), (Some(false), Some(true)), "a reboot loses nothing");
    assert_eq!(kept.root_deleted_on_terminate, Some(true));
    assert_eq!(s3.storage.unwrap().image_store(), pb::ImageStore::S3);

    let pv = get(&world, landmarks::PARAVIRTUAL_EBS_X86_64).await;
    let pv_class = pv.classification.unwrap();
    assert_eq!(pv_class.boot_path(), pb::BootPath::PvGrub);
    assert!(pv.kernel_id.unwrap().starts_with("aki-"));
    let extensions = pv_class.hardware_extensions.unwrap();
    for extension in [extensions.enhanced_networking_ena, extensions.nvme, extensions.gpu, extensions.tpm] {
        assert_eq!(extension.unwrap().reachability(), pb::Reachability::Unreachable);
    }
    let request = pb::ListInstanceTypesRequest {
        region: REGION.to_owned(),
        image_id: landmarks::PARAVIRTUAL_EBS_X86_64.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let types = world.images().list_instance_types(request).await.unwrap().into_inner();
    assert!(types.instance_types.len() <= 19 && !types.instance_types.is_empty());

    let own = get(&world, landmarks::SELF_OWNED).await.classification.unwrap();
    assert_eq!(own.source(), pb::ImageSource::Owned);
    assert!(own.launch_permissions.unwrap().implicit);
    let windows = get(&world, landmarks::WINDOWS_SERVER_2022).await.classification.unwrap();
    assert_eq!(windows.os.unwrap().family(), pb::OsFamily::Windows);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_image_of_a_classification_stands_for_itself() {
    let world = World::start().await;
    let missing = "ami-0ffffffffffffffff";
    let request = pb::ClassifyImagesRequest {
        region: REGION.to_owned(),
        image_ids: [landmarks::UBUNTU_24_04_X86_64, missing, landmarks::DISABLED].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let mut stream = world.images().classify_images(request).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = stream.message().await.unwrap() {
        answers.push(answer);
    }
    use pb::classify_images_response::Result as Outcome;
    let [ubuntu, absent, disabled] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(
        matches!(&ubuntu.result, Some(Outcome::Classification(c)) if c.os.as_ref().unwrap().distribution == "Ubuntu")
    );
    assert_eq!(absent.image_id, missing);
    assert!(matches!(&absent.result, Some(Outcome::Status(status)) if status.code == Code::NotFound as i32));
    assert!(
        matches!(&disabled.result, Some(Outcome::Classification(c)) if c.recommendation() == pb::Recommendation::Unlaunchable)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn compatibility_says_why_not_and_pages_over_all_types() {
    let world = World::start().await;
    let mut request = pb::CheckCompatibilityRequest {
        region: REGION.to_owned(),
        image_id: landmarks::UEFI_TPM_X86_64.to_owned(),
        instance_types: ["m7i.large", "t2.micro", "m7g.large"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let verdicts = world.images().check_compatibility(request.clone()).await.unwrap().into_inner().verdicts;
    assert_eq!(verdicts[0].verdict(), pb::CompatibilityVerdict::Compatible);
    assert!(verdicts[0].findings.iter().all(|finding| finding.outcome() != pb::Outcome::Pass));
    let failed = |verdict: &pb::InstanceTypeVerdict| {
        let failed = verdict.findings.iter().filter(|finding| finding.outcome() == pb::Outcome::Fail);
        failed.map(|finding| finding.field.clone()).collect::<Vec<_>>()
    };
    assert!(failed(&verdicts[1]).len() >= 2, "boot mode and TPM, at once: {:?}", verdicts[1]);
    assert!(!failed(&verdicts[2]).is_empty(), "arm64 cannot run x86_64");

    request.instance_types.clear();
    request.page_size = 500;
    let (mut types, mut compatible) = (BTreeSet::new(), 0);
    loop {
        let page = world.images().check_compatibility(request.clone()).await.unwrap().into_inner();
        for verdict in &page.verdicts {
            assert!(types.insert(verdict.instance_type.clone()), "{} twice", verdict.instance_type);
            compatible += usize::from(verdict.verdict() == pb::CompatibilityVerdict::Compatible);
        }
        if page.next_page_token.is_empty() {
            assert_eq!(types.len(), usize::try_from(page.total_size).unwrap());
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert!(types.len() > 1_000 && compatible > 100 && compatible < types.len(), "{compatible} of {}", types.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_and_deprecated_images_are_shown_when_asked_for() {
    let world = World::start().await;
    let list = |deprecated: bool, disabled: bool| {
        let request = pb::ListImagesRequest {
            region: REGION.to_owned(),
            owners: vec!["all".to_owned()],
            filters: vec![filter("image-id", &[landmarks::DISABLED, landmarks::DEPRECATED_AMAZON_LINUX_2])],
            include_deprecated: deprecated,
            include_disabled: disabled,
            ..Default::default()
        };
        let mut images = world.images();
        async move {
            let page = images.list_images(request).await.unwrap().into_inner();
            page.images.into_iter().map(|image| image.image_id).collect::<BTreeSet<_>>()
        }
    };
    assert_eq!(list(false, false).await, BTreeSet::new());
    assert_eq!(list(true, false).await, BTreeSet::from([landmarks::DEPRECATED_AMAZON_LINUX_2.to_owned()]));
    assert_eq!(list(false, true).await, BTreeSet::from([landmarks::DISABLED.to_owned()]));
    assert!(get(&world, landmarks::DEPRECATED_AMAZON_LINUX_2).await.classification.unwrap().deprecated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_brings_too_much_is_told_what_narrows_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(&dir.path().join("data"), clock, |config| config.crawl_images_max = 50).await;
    let request = |filters: Vec<pb::Filter>| pb::ListImagesRequest {
        region: REGION.to_owned(),
        owners: vec!["all".to_owned()],
        filters,
        ..Default::default()
    };
    let status = world.images().list_images(request(Vec::new())).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "TOO_MANY_RESULTS");
    assert_eq!((info.metadata["limit"].as_str(), info.metadata["narrow_by"].as_str()), ("50", "owners or filters"));
    let narrow = request(vec![filter("image-id", &[landmarks::UBUNTU_24_04_X86_64])]);
    assert_eq!(world.images().list_images(narrow).await.unwrap().into_inner().total_size, 1);
}
