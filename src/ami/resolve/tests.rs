//! Who wins, what is said of the others, and that the order of the candidates does not matter.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ami::classify::{Classification, Viewer, classify};
use crate::ec2::facts::Image;
use crate::record::{ImageSelector, SelectorFilter};

const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn account() -> crate::ids::AccountId {
    "123456789012".parse().unwrap()
}

/// An image that anybody would recommend, made `age` days ago.
fn image(id: u32, age: i64) -> Image {
    let text = |text: &str| Some(text.to_owned());
    Image {
        name: text("al2023-ami-2023-x86_64"),
        owner_id: text("137112412989"),
        image_owner_alias: text("amazon"),
        architecture: text("x86_64"),
        image_type: text("machine"),
        state: text("available"),
        creation_date: Some(at(NOW - age * DAY)),
        root_device_type: text("ebs"),
        virtualization_type: text("hvm"),
        boot_mode: text("uefi-preferred"),
        ena_support: Some(true),
        public: Some(true),
        ..Image::unknown(format!("ami-{id:08x}").parse().unwrap())
    }
}

fn classified(image: &Image) -> Classification {
    classify(image, &Viewer::of(account()), None, at(NOW))
}

fn ranking<'a>(images: impl IntoIterator<Item = &'a Image>) -> Ranking {
    let mut ranking = Ranking::default();
    images.into_iter().for_each(|image| ranking.consider(image, &classified(image)));
    ranking
}

#[test]
fn each_loser_hears_what_decided_against_it() {
    let winner = Image { creation_date: Some("2026-03-13T10:00:00Z".parse().unwrap()), ..image(1, 0) };
    let made = |text: &str| Some(text.parse().unwrap());
    let table = [
        (
            Image { creation_date: made("2026-03-01T10:00:00Z"), ..image(2, 0) },
            "made 2026-03-01, 12 days before the winner",
        ),
        (
            Image { creation_date: made("2026-03-13T07:00:00Z"), ..image(2, 0) },
            "made 2026-03-13T07:00:00Z, 3 hours before the winner",
        ),
        (Image { creation_date: None, ..image(2, 0) }, "EC2 does not say when it was made"),
        (Image { creation_date: winner.creation_date, ..image(2, 0) }, "same creation time, id sorts later"),
        (
            Image { deprecation_time: made("2026-05-01T00:00:00Z"), ..image(2, 0) },
            "deprecated since 2026-05-01; discouraged: it is past its deprecation time",
        ),
        (Image { state: Some("disabled".to_owned()), ..image(2, 0) }, "cannot be launched: state disabled"),
        (Image { state: None, ..image(2, 0) }, "not known whether it can be launched: EC2 gives no state"),
        (Image { state: Some("new".to_owned()), ..image(2, 0) }, "not known whether it can be launched: state new"),
        (
            Image { creation_date: made("2026-03-12T10:00:00Z"), ena_support: None, ..image(2, 0) },
            "made 2026-03-12, 1 day before the winner; discouraged: without ENA no Nitro type boots it, and absent \
             means without",
        ),
        (
            Image { creation_date: made("2026-03-12T10:00:00Z"), image_owner_alias: None, ..image(2, 0) },
            "made 2026-03-12, 1 day before the winner; named like a well-known publisher's, from an owner that Amazon \
             does not vouch for",
        ),
    ];
    for (loser, reason) in table {
        let choice = ranking([&loser, &winner]).choose().unwrap();
        assert_eq!(choice.winner, winner, "{reason}");
        assert_eq!(choice.runners_up[0].reason, reason);
    }
}

#[test]
fn a_newer_image_wins_although_it_is_discouraged() {
    let newer = Image { ena_support: None, ..image(1, 1) };
    let recommended = image(2, 2);
    assert_eq!(ranking([&recommended, &newer]).choose().unwrap().winner, newer);
}

#[test]
fn where_nothing_can_be_launched_it_says_how_many_there_were_and_why_not() {
    let in_state = |id, state: Option<&str>| Image { state: state.map(str::to_owned), ..image(id, 1) };
    let images =
        [in_state(1, Some("disabled")), in_state(2, Some("pending")), in_state(3, Some("disabled")), in_state(4, None)];
    let nothing = ranking(&images).choose().unwrap_err();
    assert_eq!(
        nothing.message,
        "4 images meet the selector and none can be launched: 2 disabled, 1 pending, 1 without a state"
    );
    assert_eq!(
        ranking([]).choose().unwrap_err(),
        Nothing { matched: 0, message: "no image meets the selector".to_owned() }
    );
    let kernel = Image { image_type: Some("kernel".to_owned()), ..image(1, 1) };
    assert!(ranking([&kernel]).choose().is_err());
}

#[test]
fn what_is_gone_or_changed_on_a_second_look_makes_way_for_the_next() {
    let (first, second) = (image(1, 1), image(2, 2));
    let disabled = Image { state: Some("disabled".to_owned()), ..first.clone() };
    for live in [vec![&second], vec![&disabled, &second]] {
        let choice = ranking([&first, &second]).confirmed_by(ranking(live)).unwrap();
        assert_eq!(choice.winner, second);
    }
    let none_left = ranking([&first, &second]).confirmed_by(ranking([&disabled])).unwrap_err();
    assert!(none_left.matched == 2 && none_left.message.contains("resolve it again"), "{none_left}");
    let never = ranking([&disabled]).confirmed_by(ranking([&disabled])).unwrap_err();
    assert!(never.message.ends_with("none can be launched: 1 disabled"), "{never}");
    assert_eq!(ranking([&disabled]).confirmed_by(ranking([&first])).unwrap().winner, first, "enabled since");
}

fn selector(change: impl FnOnce(&mut ImageSelector)) -> Selector {
    let mut selector = ImageSelector { owner: Some("amazon".to_owned()), ..ImageSelector::default() };
    change(&mut selector);
    Selector::read(&selector).unwrap()
}

#[test]
fn a_selector_accepts_what_meets_all_of_it() {
    let filter = |name: &str, value: &str| SelectorFilter { name: name.to_owned(), values: vec![value.to_owned()] };
    let table: [(Selector, bool, &[&str]); 9] = [
        (selector(|_| ()), true, &[]),
        (selector(|s| s.owner = Some("self".to_owned())), false, &[]),
        (selector(|s| s.owner = Some("137112412989".to_owned())), true, &[]),
        (selector(|s| s.owner = Some("aws-marketplace".to_owned())), false, &[]),
        (selector(|s| s.owner = None), true, &[]),
        (selector(|s| s.name_pattern = Some("al2023-*".to_owned())), true, &[]),
        (selector(|s| s.name_pattern = Some("al2-*".to_owned())), false, &["name"]),
        (selector(|s| s.architecture = Some("arm64".to_owned())), false, &["architecture"]),
        (
            selector(|s| s.filters = vec![filter("root-device-type", "ebs"), filter("gantry:lifecycle", "disabled")]),
            false,
            &["gantry:lifecycle"],
        ),
    ];
    let image = image(1, 1);
    for (selector, accepted, unmet) in table {
        let classification = classified(&image);
        assert_eq!(selector.accepts(&image, &classification, &[], &account()), accepted, "{selector:?}");
        assert_eq!(selector.unmet(&image, &classification, &[]), unmet, "{selector:?}");
    }
    let too_many = ImageSelector {
        name_pattern: Some("x".to_owned()),
        filters: vec![filter("name", "x"); crate::ami::filter::FILTERS_MAX],
        ..ImageSelector::default()
    };
    assert!(Selector::read(&too_many).is_err());
}

fn any_image() -> impl Strategy<Value = Image> {
    let state = prop_oneof![
        6 => Just(Some("available")),
        1 => Just(Some("disabled")),
        1 => Just(Some("pending")),
        1 => Just(Some("born-tomorrow")),
        1 => Just(None),
    ];
    // Few ages, so that there are ties.
    (state, proptest::option::of(0i64..4), proptest::option::of(-2i64..2), any::<bool>()).prop_map(
        |(state, age, deprecated, ena)| Image {
            state: state.map(str::to_owned),
            creation_date: age.map(|days| at(NOW - days * DAY)),
            deprecation_time: deprecated.map(|days| at(NOW + days * DAY)),
            ena_support: Some(ena),
            ..image(0, 0)
        },
    )
}

/// The rule once more, by plain comparison: whether `left` is at least as good as `right`.
fn not_worse(left: &Image, right: &Image) -> bool {
    let launchable = |image: &Image| image.state.as_deref() == Some("available");
    let deprecated = |image: &Image| image.deprecation_time.is_some_and(|time| time <= at(NOW));
    if launchable(left) != launchable(right) {
        return launchable(left);
    }
    if deprecated(left) != deprecated(right) {
        return !deprecated(left);
    }
    if left.creation_date != right.creation_date {
        return left.creation_date > right.creation_date;
    }
    left.image_id <= right.image_id
}

proptest! {
    #[test]
    fn the_winner_is_never_worse_than_any_other_and_order_does_not_matter(
        images in proptest::collection::vec(any_image(), 0..60),
        seed in any::<u64>(),
    ) {
        let images: Vec<Image> = (1u32..)
            .zip(images)
            .map(|(id, image)| Image { image_id: format!("ami-{id:08x}").parse().unwrap(), ..image })
            .collect();
        let mut shuffled: Vec<&Image> = images.iter().collect();
        shuffled.sort_by_key(|image| crate::ids::Sha256Digest::of(format!("{seed} {}", image.image_id).as_bytes()).to_string());
        let chosen = ranking(&images).choose();
        prop_assert_eq!(&chosen, &ranking(shuffled).choose());
        match chosen {
            Ok(Choice { winner, runners_up }) => {
                prop_assert_eq!(winner.state.as_deref(), Some("available"));
                prop_assert!(images.iter().all(|image| not_worse(&winner, image)));
                prop_assert_eq!(runners_up.len(), (images.len() - 1).min(RUNNERS_UP_MAX));
                let of = |id: &crate::ids::ImageId| images.iter().find(|image| image.image_id == *id).unwrap();
                let launchable: Vec<_> = runners_up
                    .iter()
                    .map(|loser| of(&loser.image_id))
                    .filter(|image| image.state.as_deref() == Some("available"))
                    .collect();
                prop_assert!(launchable.windows(2).all(|pair| not_worse(pair[0], pair[1])), "best first");
                prop_assert!(runners_up.iter().all(|loser| loser.image_id != winner.image_id && !loser.reason.is_empty()));
            }
            Err(nothing) => {
                prop_assert_eq!(nothing.matched, images.len());
                prop_assert!(images.iter().all(|image| image.state.as_deref() != Some("available")));
            }
        }
    }
}
