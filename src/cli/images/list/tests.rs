//! The table at several widths, and the line under it.

use super::*;

fn image(id: &str, name: &str, recommendation: pb::Recommendation) -> pb::Image {
    let os = pb::OperatingSystem {
        family: pb::OsFamily::Linux.into(),
        distribution: "Amazon Linux".to_owned(),
        version: "2023".to_owned(),
        ..Default::default()
    };
    pb::Image {
        image_id: id.to_owned(),
        name: Some(name.to_owned()),
        architecture: Some("x86_64".to_owned()),
        creation_time: Some(client::timestamp("2026-11-20T01:02:03Z".parse().unwrap())),
        root_device_type: Some("ebs".to_owned()),
        virtualization_type: Some("hvm".to_owned()),
        classification: Some(pb::Classification {
            boot_path: pb::BootPath::UefiPreferred.into(),
            recommendation: recommendation.into(),
            os: Some(os),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn table(width: Option<u16>) -> String {
    let images = [
        image(
            "ami-0123456789abcdef0",
            "al2023-ami-2023.9.20261120.0-kernel-6.12-x86_64 with a rather long name that nobody asked for",
            pb::Recommendation::Recommended,
        ),
        image("ami-01234567", "short", pb::Recommendation::Unlaunchable),
        pb::Image { image_id: "ami-76543210".to_owned(), ..Default::default() },
    ];
    rows(&images, Screen { width, colours: false })
}

#[test]
fn a_table_fits_its_screen_and_keeps_to_one_line_an_image() {
    for width in [80, 100, 130, 150, 200] {
        let table = table(Some(width));
        assert_eq!(table.lines().count(), 4, "{width}:\n{table}");
        let longest = table.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= usize::from(width), "{width}: {longest}\n{table}");
    }
    insta::assert_snapshot!("at_100_columns", table(Some(100)));
    insta::assert_snapshot!("in_a_file", table(None));
}

#[test]
fn freshness_is_said_in_full() {
    let now: Timestamp = "2026-11-25T18:05:20Z".parse().unwrap();
    let mut answer = pb::ListImagesResponse {
        images: vec![pb::Image::default(); 50],
        total_size: 1_204,
        observed_time: Some(client::timestamp("2026-11-25T18:02:11Z".parse().unwrap())),
        owners: vec!["self".to_owned(), "amazon".to_owned()],
        answered_from: pb::AnsweredFrom::Catalogue.into(),
        ..Default::default()
    };
    assert_eq!(
        freshness(&answer, now),
        "50 of 1,204 images as of 2026-11-25 18:02:11Z (3 min ago, catalogue); owners: self, amazon"
    );
    answer.answered_from = pb::AnsweredFrom::Ec2.into();
    answer.live_reason = "max_staleness is 0".to_owned();
    answer.observed_time = Some(client::timestamp(now));
    answer.total_size = 50;
    assert_eq!(
        freshness(&answer, now),
        "50 images as of 2026-11-25 18:05:20Z (just now, EC2: max_staleness is 0); owners: self, amazon"
    );
    // An older server says less, and another clock may be ahead of this one.
    answer.answered_from = 0;
    answer.owners.clear();
    answer.observed_time = Some(client::timestamp("2026-11-25T19:00:00Z".parse().unwrap()));
    assert_eq!(freshness(&answer, now), "50 images as of 2026-11-25 19:00:00Z");
}
