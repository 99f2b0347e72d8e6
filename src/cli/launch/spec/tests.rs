//! Flags to specs, as a table of command lines.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    spec: SpecArgs,
}

fn spec(line: &str) -> Result<pb::LaunchSpec, Failure> {
    let args = Line::try_parse_from(["launch"].into_iter().chain(line.split_whitespace())).unwrap();
    let root_device = args.spec.changes_root().then(|| "/dev/xvda".to_owned());
    args.spec.into_spec(root_device, Vec::new())
}

#[test]
fn what_is_not_said_is_left_to_the_server() {
    let said = spec("--image ami-12345678 --types t3.micro").unwrap();
    let image = pb::ImageReference { reference: Some(pb::image_reference::Reference::ImageId("ami-12345678".into())) };
    let expected =
        pb::LaunchSpec { image: Some(image), instance_types: vec!["t3.micro".into()], ..pb::LaunchSpec::default() };
    assert_eq!(said, expected);
}

#[test]
fn an_image_is_named_in_one_of_three_ways() {
    use pb::image_reference::Reference;
    let reference = |line: &str| spec(line).unwrap().image.and_then(|image| image.reference);
    let Some(Reference::Selector(selector)) = reference("--image-owner amazon --image-name al2023-*") else {
        panic!("no selector")
    };
    assert_eq!((selector.owner.as_str(), selector.name_pattern.as_str()), ("amazon", "al2023-*"));
    let receipt = r#"{"imageId":"ami-12345678","digest":"00","observedTime":"2026-11-25T18:02:11Z"}"#;
    let Some(Reference::Receipt(read)) = reference(&format!("--receipt {receipt}")) else { panic!("no receipt") };
    assert_eq!(read.image_id, "ami-12345678");
    assert_eq!(reference("--launch-template web"), None);
    assert!(matches!(spec("--receipt {}"), Err(Failure::Failed(_))));
}

#[test]
fn placements_keep_their_order_and_share_what_is_common() {
    use pb::placement::Location;
    let said = spec("--az us-east-1b,us-east-1a --tenancy dedicated").unwrap();
    let zones: Vec<_> = said.placements.iter().map(|placement| placement.location.clone().unwrap()).collect();
    assert_eq!(zones, ["us-east-1b", "us-east-1a"].map(|zone| Location::AvailabilityZone(zone.into())));
    assert!(said.placements.iter().all(|placement| placement.tenancy() == "dedicated"));

    let anywhere = spec("--placement-group fast").unwrap();
    assert_eq!(anywhere.placements.len(), 1);
    assert_eq!(anywhere.placements[0].location, None);
}

#[test]
fn counts_markets_and_volumes() {
    let said = spec(
        "--count 3 --market spot --max-price 0.05 --allow-imdsv1 --root-size 20 --root-type gp3 \
         --volume /dev/sdf,size=100,iops=4000,encrypted=true,delete=false --volume /dev/sdb,virtual=ephemeral0 \
         --volume /dev/sdc,none --tag a=b --tag empty= --iam-profile arn:aws:iam::1:instance-profile/x",
    )
    .unwrap();
    assert_eq!((said.min_count, said.max_count), (3, 3));
    let spot = pb::market::Market::Spot(pb::SpotMarket { max_price_usd: Some("0.05".into()) });
    assert_eq!(said.market.clone().unwrap().market, Some(spot));
    assert_eq!(said.metadata_options.clone().unwrap().http_tokens(), "optional");
    let [root, data, ephemeral, none] = &said.block_device_mappings[..] else { panic!("{said:?}") };
    assert_eq!(root.device_name, "/dev/xvda");
    assert_eq!(root.ebs.clone().unwrap().volume_size_gib(), 20);
    let ebs = data.ebs.clone().unwrap();
    assert_eq!((ebs.iops(), ebs.encrypted(), ebs.delete_on_termination), (4000, true, Some(false)));
    assert_eq!((ephemeral.virtual_name(), none.no_device), ("ephemeral0", true));
    assert_eq!(said.tags["empty"], "");
    assert!(matches!(said.iam_instance_profile.unwrap().profile, Some(pb::iam_instance_profile::Profile::Arn(_))));
}

#[test]
fn contradictions_between_flags_are_usage_errors() {
    for line in [
        "--max-price 1",
        "--max-price 1 --market on-demand",
        "--tag a=1 --tag a=2",
        "--launch-template web:1 --launch-template-version 2",
        "--launch-template web:",
    ] {
        assert!(matches!(spec(line), Err(Failure::Usage(_))), "{line}");
    }
    for line in
        ["--count 1 --min-count 1", "--subnet s --az z", "--volume /dev/sdf,size=big", "--volume /dev/sdf,sise=1"]
    {
        assert!(Line::try_parse_from(["launch"].into_iter().chain(line.split_whitespace())).is_err(), "{line}");
    }
}

#[test]
fn a_launch_template_is_named_with_its_version_or_without() {
    use pb::launch_template::Template;
    let named = |name: &str| Template::LaunchTemplateName(name.to_owned());
    let by_id = Template::LaunchTemplateId("lt-0123456789abcdef0".to_owned());
    for (line, template, version) in [
        ("--launch-template web", named("web"), ""),
        ("--launch-template web/a.b:7", named("web/a.b"), "7"),
        ("--launch-template lt-0123456789abcdef0:$Latest", by_id.clone(), "$Latest"),
        ("--launch-template lt-0123456789abcdef0 --launch-template-version 3", by_id, "3"),
    ] {
        let expected = pb::LaunchTemplate { template: Some(template), version: version.to_owned() };
        assert_eq!(spec(line).unwrap().launch_template, Some(expected), "{line}");
    }
}
