//! The forms that are read, every member, and what hostile files get told.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const EVERY_MEMBER: &str = include_str!("tests/every_member.json");

fn read(json: &str) -> Result<(Vec<Image>, Totals), Unreadable> {
    let mut images = Vec::new();
    let totals = read_images(json.as_bytes(), |image| {
        images.push(image);
        ControlFlow::Continue(())
    })?;
    assert_eq!(totals.images, images.len());
    Ok((images, totals))
}

fn ids(json: &str) -> Vec<String> {
    read(json).unwrap().0.iter().map(|image| image.image_id.to_string()).collect()
}

/// The violations of one image, each as it is printed.
fn wrong(image: Value) -> Vec<String> {
    let (images, totals) = read(&json!({ "Images": [image] }).to_string()).unwrap();
    assert_eq!((images.len(), totals.unreadable), (0, 1), "{totals:?}");
    totals.violations.iter().map(ToString::to_string).collect()
}

#[test]
fn every_member_of_an_image_is_read() {
    let (images, totals) = read(EVERY_MEMBER).unwrap();
    assert_eq!(totals, Totals { images: 1, ..Totals::default() });
    // The whole value: a member that is forgotten or lands in another's place shows here.
    insta::assert_json_snapshot!(images[0]);
    let facts = serde_json::to_value(&images[0]).unwrap();
    let absent: Vec<_> = facts
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
        .collect();
    assert!(absent.is_empty(), "the fixture has no {absent:?}");
    assert_eq!(facts.as_object().unwrap().len(), 41);
}

#[test]
fn the_forms_of_the_aws_cli_and_of_boto3() {
    let (one, two) = (r#"{"ImageId":"ami-00000001"}"#, r#"{"ImageId":"ami-00000002","Name":"b\"\u00e9"}"#);
    let both = vec!["ami-00000001", "ami-00000002"];
    for (form, expected) in [
        (format!(r#"{{"Images":[{one},{two}]}}"#), both.clone()),
        (
            format!("\u{feff} {{\"ResponseMetadata\":{{}},\"Images\":[{one},\n{two}],\"NextToken\":\"x\"}}\n"),
            both.clone(),
        ),
        (format!("[{one},{two}]"), both.clone()),
        (format!("{one}\n{two}\n"), both.clone()),
        (format!(r#"{{"Images":[{one}]}}{{"Images":[{two}]}}"#), both),
        (two.to_owned(), vec!["ami-00000002"]),
        (r#"{"Images":[]}"#.to_owned(), vec![]),
    ] {
        assert_eq!(ids(&form), expected, "{form}");
    }
    assert_eq!(read(two).unwrap().0[0].name.as_deref(), Some("b\"é"));
}

#[test]
fn kernels_and_ramdisks_are_counted_and_passed_over() {
    let listed = json!({ "Images": [
        { "ImageId": "aki-12345678", "ImageType": "kernel" },
        { "ImageId": "ami-12345678", "ImageType": "machine" },
        { "ImageId": "ari-12345678", "ImageType": "ramdisk" },
        // Its id is an image's, and classification says what is odd about it.
        { "ImageId": "ami-87654321", "ImageType": "kernel" },
    ]});
    let (images, totals) = read(&listed.to_string()).unwrap();
    assert_eq!(totals, Totals { images: 2, kernels_and_ramdisks: 2, ..Totals::default() });
    assert_eq!(images[1].image_type.as_deref(), Some("kernel"));
}

#[test]
fn odd_records_are_read_as_when_ec2_is_asked() {
    let odd = json!({
        "ImageId": "ami-12345678", "CreationDate": "", "Name": null, "Platform": "Windows", "NoSuchMember": 1,
        "Tags": [{ "Value": "no key" }, { "Key": "k" }], "BlockDeviceMappings": null,
        "DeprecationTime": "2026-11-25 10:00:00+02:00",
    });
    let image = &read(&odd.to_string()).unwrap().0[0];
    assert_eq!((image.creation_date, &image.name, image.platform.as_deref()), (None, &None, Some("windows")));
    assert_eq!(image.tags.iter().collect::<Vec<_>>(), [(&"k".to_owned(), &String::new())]);
    assert_eq!(image.deprecation_time, "2026-11-25T08:00:00Z".parse().ok());
}

#[test]
fn a_wrong_member_is_named_with_its_image_and_all_at_once() {
    let image = json!({
        "ImageId": "ami-12345678",
        "EnaSupport": "yes",
        "CreationDate": "yesterday",
        "OwnerId": 111_122_223_333_u64,
        "BlockDeviceMappings": [{}, 7, { "Ebs": { "VolumeSize": 9_999_999_999_u64, "Iops": 1.5, "Encrypted": [] } }],
        "Tags": { "Key": "a" },
        "StateReason": "\u{1b}[31mred",
    });
    assert_eq!(
        wrong(image),
        [
            r"Images[0] (ami-12345678): OwnerId: expected text, not 111122223333",
            r#"Images[0] (ami-12345678): StateReason: expected an object, not "\u{1b}[31mred""#,
            r#"Images[0] (ami-12345678): CreationDate: expected a time such as 2026-11-25T08:00:00Z, not "yesterday""#,
            r#"Images[0] (ami-12345678): EnaSupport: expected true or false, not "yes""#,
            r"Images[0] (ami-12345678): BlockDeviceMappings[1]: expected an object, not 7",
            r"Images[0] (ami-12345678): BlockDeviceMappings[2].Ebs.Iops: expected a whole number of 32 bits, not 1.5",
            r"Images[0] (ami-12345678): BlockDeviceMappings[2].Ebs.VolumeSize: expected a whole number of 32 bits, not 9999999999",
            r"Images[0] (ami-12345678): BlockDeviceMappings[2].Ebs.Encrypted: expected true or false, not an array",
            r"Images[0] (ami-12345678): Tags: expected an array, not an object",
        ]
    );
    let form = "expected ami- followed by 8 or 17 lower-case hexadecimal digits";
    assert_eq!(wrong(json!({ "ImageId": "i-1" })), [format!(r#"Images[0] (i-1): ImageId: {form}, not "i-1""#)]);
    assert_eq!(wrong(json!({ "Name": "x" })), ["Images[0]: ImageId: expected an image id, not null"]);
    assert_eq!(wrong(json!(["ami-12345678"])), ["Images[0]: expected an object, not an array"]);
    let large = wrong(json!({ "ImageId": "ami-12345678", "Description": "x".repeat(IMAGE_BYTES_MAX) }));
    assert!(large[0].starts_with("Images[0]: has 1048") && large[0].ends_with("more than 1048576"), "{large:?}");
    // Deeper than any image, and than the stack should go.
    let deep = format!(r#"[{{"ImageId":"ami-12345678","X":{}{}}}]"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&deep).unwrap().1.violation_count, 1);
}

#[test]
fn the_others_are_still_read_and_violations_are_bounded() {
    let images: Vec<_> =
        (0..200).map(|n| json!({ "ImageId": format!("ami-{n:08x}"), "Public": n % 2 == 0 || n < 10, "Name": if n % 2 == 0 { json!(n) } else { json!("n") } })).collect();
    let (good, totals) = read(&Value::from(images).to_string()).unwrap();
    assert_eq!((good.len(), totals.unreadable, totals.violation_count), (100, 100, 100));
    assert_eq!(totals.violations.len(), VIOLATIONS_KEPT_MAX);
    assert_eq!((totals.violations[1].index, totals.violations[1].image_id.as_deref()), (2, Some("ami-00000002")));
}

#[test]
fn what_is_no_answer_of_ec2_is_refused_with_the_reason() {
    for (input, reason) in [
        ("", "empty"),
        (" \n ", "empty"),
        ("42", "not what `aws ec2 describe-images"),
        (r#""ami-12345678""#, "not what"),
        ("<DescribeImagesResponse/>", "not what"),
        (r#"{"Reservations":[]}"#, "not what"),
        (r#"{"Images":null}"#, "not what"),
        (r#"{"Images":[{"ImageId":"ami-12345678"}"#, "not what"),
        (r#"{"Images":[]}]"#, "not what"),
        ("\u{0}", "not what"),
    ] {
        let error = read(input).unwrap_err();
        assert!(error.to_string().contains(reason), "{input}: {error}");
    }
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain("{}".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(matches!(read_images(&utf16, |_| ControlFlow::Continue(())).unwrap_err(), Unreadable::Utf16));
    let neither = std::error::Error::source(&read("{}").unwrap_err()).map(ToString::to_string);
    assert_eq!(neither.as_deref(), Some("an object with neither `Images` nor `ImageId` at line 1 column 2"));
}

#[test]
fn reading_ends_when_the_reader_has_enough() {
    let mut seen = 0;
    let json = r#"{"Images":[{"ImageId":"ami-00000001"},{"ImageId":"ami-00000002"}, and no JSON"#;
    let totals = read_images(json.as_bytes(), |_| {
        seen += 1;
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(totals.unwrap().images, 2);
}

proptest! {
    /// One byte of a good file changed, or the file cut off: an answer, never a panic.
    #[test]
    fn damaged_files_do_no_harm(at in 0..EVERY_MEMBER.len(), byte: u8, cut: bool) {
        let mut bytes = EVERY_MEMBER.as_bytes().to_vec();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let mut handed_out = 0;
        if let Ok(totals) = read_images(&bytes, |_| { handed_out += 1; ControlFlow::Continue(()) }) {
            prop_assert_eq!(totals.images, handed_out);
            prop_assert_eq!(totals.violation_count, totals.violations.len());
        }
    }
}
