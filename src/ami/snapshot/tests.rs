//! A snapshot against a plain scan of the same images.

mod images;
mod reference;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::ami::compatibility::tests::instance_types;
use crate::ami::filter::{Ec2FilterName, FilterName, GantryFilterName, ec2_values, gantry_values};
use crate::ami::order::OrderField;

use images::Draw;
use reference::Reference;

fn viewer() -> Viewer {
    Viewer::of("111122223333".parse().unwrap())
}

fn crawl_time() -> Timestamp {
    "2024-06-01T00:00:00Z".parse().unwrap()
}

fn snapshot(images: &[Image]) -> Snapshot {
    let mut builder = SnapshotBuilder::new(viewer(), crawl_time(), None);
    images.iter().for_each(|image| builder.push(image));
    builder.finish()
}

/// A pattern that has to do with a value: itself, or with wildcards and escapes put into it.
fn mutated(draw: &mut Draw, value: &str) -> String {
    let mut text: Vec<char> = value.chars().take(200).collect();
    let at = |draw: &mut Draw, text: &Vec<char>| draw.below(text.len() as u64 + 1) as usize;
    for _ in 0..draw.below(4) {
        let place = at(draw, &text);
        match draw.below(7) {
            0 => text.insert(place, '*'),
            1 => text.insert(place, '?'),
            2 => text.truncate(place),
            3 => text.push('*'),
            4 if place < text.len() => text[place] = '?',
            5 => drop(text.drain(..place)),
            _ => text.insert(place, '\\'),
        }
    }
    text.into_iter().take(250).collect()
}

fn any_name(draw: &mut Draw) -> FilterName {
    match draw.below(10) {
        0 => FilterName::Tag((*draw.pick(&["Name", "team", "none", "é"])).to_owned()),
        1..=3 => FilterName::Gantry(*draw.pick(GantryFilterName::ALL)),
        4 | 5 => FilterName::Ec2(*draw.pick(&[
            Ec2FilterName::Name,
            Ec2FilterName::ManifestLocation,
            Ec2FilterName::CreationDate,
            Ec2FilterName::Description,
        ])),
        _ => FilterName::Ec2(*draw.pick(Ec2FilterName::ALL)),
    }
}

/// A value that `name` has in some image, if it has one there.
fn value(draw: &mut Draw, name: &FilterName, images: &[Image]) -> String {
    let image = draw.pick(images);
    let mut values = Vec::new();
    match name {
        FilterName::Ec2(name) => ec2_values(*name, image, &mut |value| values.push(value.to_owned())),
        FilterName::Tag(key) => values.extend(image.tags.get(key).cloned()),
        FilterName::Gantry(GantryFilterName::BootableOn) => {
            values.extend(["m7i.large", "m7g.large", "t3.micro", "m1.small"].map(str::to_owned));
        }
        FilterName::Gantry(name) => {
            let classification = super::super::classify::classify(image, &viewer(), None, crawl_time());
            gantry_values(*name, image, &classification, &mut |value| values.push(value.to_owned()));
        }
    }
    if values.is_empty() { "*".to_owned() } else { draw.pick(&values).clone() }
}

fn any_filters(draw: &mut Draw, images: &[Image]) -> Filters {
    let mut conditions = Vec::new();
    for _ in 0..draw.below(4) {
        let name = any_name(draw);
        let mut values = Vec::new();
        for _ in 0..=draw.below(5) {
            let value = value(draw, &name, images);
            let value = if draw.chance(40) { value.chars().take(250).collect() } else { mutated(draw, &value) };
            // Gantry's own filters refuse values that they can never have.
            if Filters::parse(&[(name.to_string(), vec![value.clone()])]).is_ok() {
                values.push(value);
            }
        }
        if !values.is_empty() {
            conditions.push((name.to_string(), values));
        }
    }
    Filters::parse(&conditions).unwrap()
}

fn any_order(draw: &mut Draw) -> OrderBy {
    let mut fields = OrderField::ALL.to_vec();
    let mut keys = Vec::new();
    for _ in 0..draw.below(4) {
        let field = fields.swap_remove(draw.below(fields.len() as u64) as usize);
        keys.push(format!("{} {}", field.as_str(), draw.pick(&["asc", "desc"])));
    }
    OrderBy::parse(&keys.join(",")).unwrap()
}

/// Compares random questions, each with random pages.
fn compare(draw: &mut Draw, snapshot: &Snapshot, reference: &Reference) -> Result<(), TestCaseError> {
    let images: Vec<Image> = reference.images.values().map(|seen| seen.image.clone()).collect();
    prop_assert_eq!(snapshot.len(), images.len());
    for image in &images {
        let slot = snapshot.find(&image.image_id);
        prop_assert_eq!(slot.map(|slot| snapshot.image(slot)), reference.images.get(&image.image_id).cloned());
    }
    let newest: Vec<_> = snapshot.slots().map(|slot| snapshot.image(slot).image).collect();
    prop_assert!(newest.is_sorted_by(|left, right| OrderBy::default().compare(left, right).is_lt()));
    for _ in 0..if images.is_empty() { 0 } else { 20 } {
        let filters = any_filters(draw, &images);
        let wanted = filters.instance_types();
        let types: Vec<_> =
            instance_types().iter().filter(|facts| wanted.contains(&facts.instance_type)).cloned().collect();
        let words = ["self", "amazon", "aws-marketplace", "137112412989", "all", "999900001111", ""];
        let owners: Vec<String> = (0..draw.below(3) * draw.below(2)).map(|_| (*draw.pick(&words)).to_owned()).collect();
        let query = Query {
            owners: &owners,
            filters: &filters,
            types: &types,
            include_deprecated: draw.chance(60),
            include_disabled: draw.chance(60),
            now: draw.time(),
        };
        let order = any_order(draw);
        let expected = reference.answer(&query, &order);
        let matches = snapshot.matches(&query);
        let said = format!("{:?} {owners:?} {order:?} {:?}", filters.iter().collect::<Vec<_>>(), query.now);
        prop_assert_eq!(matches.len(), expected.len(), "{}", said);
        prop_assert_eq!(matches.iter().count(), expected.len());
        let offset = draw.below(expected.len() as u64 + 2) as usize;
        for (offset, size) in [(0, usize::MAX), (offset, draw.below(20) as usize), (0, 1)] {
            let page = snapshot.page(&matches, &order, offset, size);
            let page: Vec<_> = page.into_iter().map(|slot| snapshot.image(slot).image.image_id).collect();
            let expected: Vec<_> = expected.iter().skip(offset).take(size).cloned().collect();
            prop_assert_eq!(page, expected, "{} from {} {}", said, offset, size);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_member_of_every_image_comes_back(seed: u64) {
        let mut draw = Draw(seed);
        let images: Vec<Image> = (0..100).map(|_| draw.odd_image()).collect();
        let snapshot = snapshot(&images);
        prop_assert_eq!(snapshot.len(), images.len());
        let mut again = decode::blank();
        for image in &images {
            let slot = snapshot.find(&image.image_id).unwrap();
            prop_assert_eq!(snapshot.load(slot, &mut again), crawl_time());
            prop_assert_eq!(&again, image);
        }
    }

    #[test]
    fn the_index_answers_like_a_scan(seed: u64) {
        let mut draw = Draw(seed);
        let count = *draw.pick(&[0, 1, 5, 60, 200, 200, 200]);
        let images: Vec<Image> = (0..count).map(|_| draw.odd_image()).collect();
        let mut snapshot = snapshot(&images);
        let mut reference = Reference::new(viewer(), crawl_time(), &images);
        compare(&mut draw, &snapshot, &reference)?;
        for _ in 0..2 {
            let mut seen = Vec::new();
            let mut gone = Vec::new();
            let known: Vec<Image> = reference.images.values().map(|seen| seen.image.clone()).collect();
            for _ in 0..draw.below(40) {
                let mut image = draw.odd_image();
                if !known.is_empty() && draw.chance(70) {
                    image.image_id = draw.pick(&known).image_id.clone();
                }
                if draw.chance(20) {
                    gone.push(image.image_id);
                } else {
                    let observed_time = crawl_time() + SignedDuration::from_secs(draw.below(100) as i64 - 10);
                    seen.push(Observed { image, observed_time });
                }
            }
            snapshot = snapshot.with_recent(&seen, &gone);
            reference = reference.with_recent(&seen, &gone);
            compare(&mut draw, &snapshot, &reference)?;
        }
    }
}

/// The promise is measured at the size of a Region in the benches; a few thousand images have less
/// in common, so that they are the harder case.
#[test]
fn a_likely_image_takes_less_than_a_kibibyte() {
    let mut draw = Draw(4);
    let images: Vec<Image> = (0..4000).map(|number| draw.likely_image(number)).collect();
    let snapshot = snapshot(&images);
    let each = snapshot.heap_bytes() / images.len();
    assert!(each < 1024, "{each} bytes");
    let (images, mut draw) = (&images[..400], Draw(5));
    compare(&mut draw, &self::snapshot(images), &Reference::new(viewer(), crawl_time(), images)).unwrap();
}

/// What depends on the time, before, at and after the moment it changes, and back again.
#[test]
fn deprecation_comes_with_the_time() {
    let mut image = super::super::classify::tests::amazon_linux();
    image.deprecation_time = Some("2024-06-01T12:00:00Z".parse().unwrap());
    let snapshot = snapshot(&[image]);
    let finds = |name: &str, value: &str, now: &str, include_deprecated: bool| {
        let filters = Filters::parse(&[(name.to_owned(), vec![value.to_owned()])]).unwrap();
        let now = now.parse().unwrap();
        let query =
            Query { owners: &[], filters: &filters, types: &[], include_deprecated, include_disabled: false, now };
        snapshot.matches(&query).len() == 1
    };
    let (before, at) = ("2024-06-01T11:59:59.999999999Z", "2024-06-01T12:00:00Z");
    for (now, deprecated) in [(before, false), (at, true), (before, false), ("2030-01-01T00:00:00Z", true)] {
        assert_eq!(finds("name", "*", now, false), !deprecated, "{now}");
        assert!(finds("name", "*", now, true));
        assert_eq!(finds("gantry:deprecated", "true", now, true), deprecated, "{now}");
        assert_eq!(finds("gantry:deprecated", "false", now, true), !deprecated, "{now}");
        assert_eq!(finds("gantry:recommendation", "discouraged", now, true), deprecated, "{now}");
        assert_eq!(finds("gantry:recommendation", "recommended", now, true), !deprecated, "{now}");
    }
}

/// Each of the derived names finds by the word that the filter has for the image, and by no other.
#[test]
fn derived_names_are_indexed() {
    let cases = [
        ("gantry:source", "amazon", "community"),
        ("gantry:boot-path", "uefi*", "bios*"),
        ("gantry:lifecycle", "current", "disabled"),
        ("gantry:tpm-support", "absent", "v2.0"),
        ("gantry:imds-support", "v2.0", "absent"),
        ("gantry:platform-details", "Linux/UNIX", "Windows"),
        ("gantry:usage-operation", "RunInstances", "RunInstances:*"),
        ("gantry:os", "amazon-linux-2023", "amazon-linux-2"),
        ("gantry:bootable-on", "m7i.large", "m7g.large"),
    ];
    let snapshot = snapshot(&[super::super::classify::tests::amazon_linux()]);
    for (name, right, wrong) in cases {
        for (value, expected) in [(right, 1), (wrong, 0)] {
            let filters = Filters::parse(&[(name.to_owned(), vec![value.to_owned()])]).unwrap();
            let query = Query {
                owners: &["amazon".to_owned()],
                filters: &filters,
                types: instance_types(),
                include_deprecated: false,
                include_disabled: false,
                now: crawl_time(),
            };
            assert_eq!(snapshot.matches(&query).len(), expected, "{name} {value}");
        }
    }
}
