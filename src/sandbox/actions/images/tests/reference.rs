//! For random questions, DescribeImages answers what a plain scan of its own unfiltered answer finds.
//!
//! The scan shares nothing with what it checks: it reads values out of the XML that clients get, and
//! has its own matcher. Two things no answer shows are taken from the catalogue: parameters that
//! formerly named an image, and with whom images of others are shared.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::{ask, images, open, texts};
use crate::sandbox::Sandbox;
use crate::sandbox::images::Mill;
use crate::sandbox::images::facts::Share;

/// The filters and where their values are in an image's XML.
const PLACES: &[(&str, &str)] = &[
    ("architecture", "architecture"),
    ("block-device-mapping.delete-on-termination", "blockDeviceMapping/item/ebs/deleteOnTermination"),
    ("block-device-mapping.device-name", "blockDeviceMapping/item/deviceName"),
    ("block-device-mapping.encrypted", "blockDeviceMapping/item/ebs/encrypted"),
    ("block-device-mapping.snapshot-id", "blockDeviceMapping/item/ebs/snapshotId"),
    ("block-device-mapping.volume-size", "blockDeviceMapping/item/ebs/volumeSize"),
    ("block-device-mapping.volume-type", "blockDeviceMapping/item/ebs/volumeType"),
    ("boot-mode", "bootMode"),
    ("creation-date", "creationDate"),
    ("description", "description"),
    ("ena-support", "enaSupport"),
    ("free-tier-eligible", "freeTierEligible"),
    ("hypervisor", "hypervisor"),
    ("image-allowed", "imageAllowed"),
    ("image-id", "imageId"),
    ("image-type", "imageType"),
    ("image-watermark.source-image-creation-time", "imageWatermarkSet/item/sourceImageCreationTime"),
    ("image-watermark.source-image-id", "imageWatermarkSet/item/sourceImageId"),
    ("image-watermark.source-image-region", "imageWatermarkSet/item/sourceImageRegion"),
    ("image-watermark.watermark-creation-time", "imageWatermarkSet/item/watermarkCreationTime"),
    ("image-watermark.watermark-key", "imageWatermarkSet/item/watermarkKey"),
    (
        "instance-type-specification.supported-instance-type",
        "instanceTypeSpecification/supportedInstanceTypeSet/item/instanceType",
    ),
    (
        "instance-type-specification.unsupported-instance-type",
        "instanceTypeSpecification/unsupportedInstanceTypeSet/item/instanceType",
    ),
    ("is-public", "isPublic"),
    ("kernel-id", "kernelId"),
    ("manifest-location", "imageLocation"),
    ("name", "name"),
    ("owner-alias", "imageOwnerAlias"),
    ("owner-id", "imageOwnerId"),
    ("platform", "platform"),
    ("product-code", "productCodes/item/productCode"),
    ("product-code.type", "productCodes/item/type"),
    ("public-ssm-parameter-name", "publicSsmParameterName"),
    ("ramdisk-id", "ramdiskId"),
    ("root-device-name", "rootDeviceName"),
    ("root-device-type", "rootDeviceType"),
    ("scan-result.critical-fix-available-since", "scanResults/criticalFixAvailableSince"),
    ("scan-result.finding-scan-date", "scanResults/findingScanDate"),
    ("scan-result.high-fix-available-since", "scanResults/highFixAvailableSince"),
    ("scan-result.highest-finding-severity-label", "scanResults/highestFindingSeverityLabel"),
    ("scan-result.informational-fix-available-since", "scanResults/informationalFixAvailableSince"),
    ("scan-result.low-fix-available-since", "scanResults/lowFixAvailableSince"),
    ("scan-result.medium-fix-available-since", "scanResults/mediumFixAvailableSince"),
    ("source-image-id", "sourceImageId"),
    ("source-image-region", "sourceImageRegion"),
    ("source-instance-id", "sourceInstanceId"),
    ("sriov-net-support", "sriovNetSupport"),
    ("state", "imageState"),
    ("state-reason-code", "stateReason/code"),
    ("state-reason-message", "stateReason/message"),
    ("tag-key", "tagSet/item/key"),
    ("virtualization-type", "virtualizationType"),
];

/// One image of the unfiltered answer: the texts at each place, and what no answer shows.
#[derive(Debug, Default)]
struct Seen {
    texts: BTreeMap<String, Vec<String>>,
    tags: Vec<(String, String)>,
    former_parameter: Option<String>,
    executors: Vec<String>,
}

#[derive(Debug, Default)]
struct Question {
    owners: Vec<String>,
    executors: Vec<String>,
    deprecated_too: bool,
    disabled_too: bool,
    filters: Vec<(String, Vec<String>)>,
}

// The reference scan: from here to the end of `scan`.

fn matches(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['*', rest @ ..], _) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        (['?', rest @ ..], _) => matches(rest, text) || (!text.is_empty() && matches(rest, &text[1..])),
        (['\\', c, rest @ ..], [first, others @ ..]) => c == first && matches(rest, others),
        ([c, rest @ ..], [first, others @ ..]) => c == first && matches(rest, others),
        _ => false,
    }
}

impl Seen {
    fn at(&self, place: &str) -> &[String] {
        self.texts.get(place).map_or(&[], Vec::as_slice)
    }

    fn one(&self, place: &str) -> &str {
        self.at(place).first().map_or("", String::as_str)
    }

    fn values(&self, filter: &str) -> Vec<&str> {
        if let Some(key) = filter.strip_prefix("tag:") {
            return self.tags.iter().filter(|(own, _)| own == key).map(|(_, value)| value.as_str()).collect();
        }
        let (_, place) = PLACES.iter().find(|(name, _)| *name == filter).unwrap();
        let former = self.former_parameter.iter().filter(|_| filter == "public-ssm-parameter-name");
        // An image without a date has an empty element and no value.
        let said = self.at(place).iter().filter(|text| filter != "creation-date" || !text.is_empty());
        said.chain(former).map(String::as_str).collect()
    }

    fn passes(&self, question: &Question, now: &str) -> bool {
        let own = self.one("imageOwnerId") == "000000000000";
        let deprecated = self.at("deprecationTime").iter().any(|time| time.as_str() <= now);
        let owned = |owner: &String| match owner.as_str() {
            "self" => own,
            owner => self.one("imageOwnerId") == owner || self.one("imageOwnerAlias") == owner,
        };
        let executed = |user: &String| self.executors.contains(user);
        let filtered = |(name, values): &(String, Vec<String>)| {
            let patterns: Vec<Vec<char>> = values.iter().map(|value| value.chars().collect()).collect();
            self.values(name).into_iter().any(|text| {
                let text: Vec<char> = text.chars().collect();
                patterns.iter().any(|pattern| matches(pattern, &text))
            })
        };
        (question.owners.is_empty() || question.owners.iter().any(owned))
            && (question.executors.is_empty() || question.executors.iter().any(executed))
            && (question.deprecated_too || own || !deprecated)
            && (question.disabled_too || self.one("imageState") != "disabled")
            && question.filters.iter().all(filtered)
    }
}

fn scan(all: &[Seen], question: &Question) -> Vec<String> {
    let now = "2027-01-15T08:00:00.000Z";
    all.iter().filter(|image| image.passes(question, now)).map(|image| image.one("imageId").to_owned()).collect()
}

/// Reads the unfiltered answer.
fn read(sandbox: &Sandbox) -> Vec<Seen> {
    let (_, body) = ask(sandbox, "Action=DescribeImages&IncludeDeprecated=true&IncludeDisabled=true");
    let mut reader = Reader::from_str(&body);
    let (mut path, mut text, mut all) = (Vec::<String>::new(), String::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                text.clear();
                if path.join("/") == "DescribeImagesResponse/imagesSet/item" {
                    all.push(Seen::default());
                }
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => text.push_str(match &*name {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                other => panic!("{other}"),
            }),
            Event::End(_) => {
                if let (Some(image), true) = (all.last_mut(), path.len() > 3) {
                    let place = path[3..].join("/");
                    if place == "tagSet/item/value" {
                        image.tags.push((image.at("tagSet/item/key").last().unwrap().clone(), text.clone()));
                    }
                    image.texts.entry(place).or_default().push(std::mem::take(&mut text));
                }
                path.pop();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    all.iter_mut().for_each(|image| add_what_no_answer_shows(sandbox, image));
    all
}

fn add_what_no_answer_shows(sandbox: &Sandbox, image: &mut Seen) {
    let id = image.one("imageId").to_owned();
    let made = sandbox.cloud(&crate::sandbox::callers::home(), "sandbox-1").unwrap().catalog.get(&id).unwrap();
    image.former_parameter = made.extras.as_ref().and_then(|extras| extras.former_ssm_parameter.clone());
    if image.one("isPublic") == "true" {
        image.executors.push("all".to_owned());
    }
    let mut here = made.share != Share::Nobody;
    if image.one("imageOwnerId") == "000000000000" {
        let question = format!("Action=DescribeImageAttribute&Attribute=launchPermission&ImageId={id}");
        let (_, body) = ask(sandbox, &question);
        image.executors.extend(texts(&body, "userId"));
        here |= body.contains("organization/o-5a4db0c500<") || body.contains("/ou-5a4d-b0c50001<");
    }
    if here {
        image.executors.extend(["self".to_owned(), "000000000000".to_owned()]);
    }
}

/// A value of some image, often with wildcards, escapes or in the wrong case.
fn value(mill: &mut Mill, all: &[Seen], filter: &str) -> String {
    let some = mill.below(u32::try_from(all.len()).unwrap()) as usize;
    // The next image that has one; rare facts would hardly be met otherwise.
    let mut values = (0..all.len()).map(|step| all[(some + step) % all.len()].values(filter));
    let Some(values) = values.find(|values| !values.is_empty()) else { return "*".to_owned() };
    let mut chars: Vec<char> = mill.pick(&values).chars().collect();
    let escaped = |chars: &[char]| -> Vec<char> {
        chars.iter().flat_map(|c| if "*?\\".contains(*c) { vec!['\\', *c] } else { vec![*c] }).collect()
    };
    let at = mill.below(u32::try_from(chars.len()).unwrap() + 1) as usize;
    match mill.below(8) {
        0 => chars.truncate(at),
        1 => chars.splice(at.., ['*']).for_each(drop),
        2 => chars.splice(..at, ['*']).for_each(drop),
        3 => chars.insert(at, '?'),
        4 if at < chars.len() => chars[at] = '?',
        5 if at < chars.len() => chars[at] = if chars[at].is_lowercase() { 'X' } else { 'x' },
        6 => {
            chars = escaped(&chars);
            if mill.chance(50) {
                chars.insert(0, '\\');
            }
        }
        _ => {}
    }
    chars.into_iter().collect()
}

fn draw(mill: &mut Mill, all: &[Seen]) -> Question {
    const OWNERS: [&str; 6] = ["self", "amazon", "aws-marketplace", "aws-backup-vault", "000000000000", "000000000100"];
    const EXECUTORS: [&str; 5] = ["self", "all", "000000000000", "000000000100", "000000000201"];
    let mut some = |from: &[&str], percent: u32| -> Vec<String> {
        let count = if mill.chance(percent) { 1 + mill.below(2) } else { 0 };
        (0..count).map(|_| mill.pick(from).to_owned()).collect()
    };
    let (owners, executors) = (some(&OWNERS, 20), some(&EXECUTORS, 20));
    let filters = (0..mill.below(4)).map(|_| {
        let at = mill.below(u32::try_from(PLACES.len() + 2).unwrap()) as usize;
        let name = PLACES.get(at).map_or_else(|| mill.pick(&["tag:Name", "tag:role"]), |(name, _)| name);
        let values = (0..=mill.below(3)).map(|_| value(mill, all, name)).collect();
        (name.to_owned(), values)
    });
    let filters = filters.collect();
    Question { owners, executors, deprecated_too: mill.chance(70), disabled_too: mill.chance(50), filters }
}

fn form(question: &Question) -> String {
    let mut form = form_urlencoded::Serializer::new(String::from("&"));
    for (list, values) in [("Owner", &question.owners), ("ExecutableBy", &question.executors)] {
        for (nth, value) in (1..).zip(values) {
            form.append_pair(&format!("{list}.{nth}"), value);
        }
    }
    form.append_pair("IncludeDeprecated", &question.deprecated_too.to_string());
    form.append_pair("IncludeDisabled", &question.disabled_too.to_string());
    for (nth, (name, values)) in (1..).zip(&question.filters) {
        form.append_pair(&format!("Filter.{nth}.Name"), name);
        for (at, value) in (1..).zip(values) {
            form.append_pair(&format!("Filter.{nth}.Value.{at}"), value);
        }
    }
    form.finish()
}

/// What crawling in pages of `size` finds.
fn crawl(sandbox: &Sandbox, question: &str, size: u32) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let (_, body) = ask(sandbox, &format!("Action=DescribeImages{question}&MaxResults={size}{token}"));
        found.extend(texts(&body, "imageId"));
        match texts(&body, "nextToken").pop() {
            Some(next) => token = format!("&NextToken={next}"),
            None => return found,
        }
    }
}

#[test]
fn the_answer_is_what_a_plain_scan_finds() {
    let mut hits = 0;
    for (seed, count, questions) in [(1, 400, 250), (2, 700, 100), (3, 1500, 40)] {
        let sandbox = open(seed, count, None);
        // Something for `image-allowed` to say.
        for form in [
            "Action=ReplaceImageCriteriaInAllowedImagesSettings&ImageCriterion.1.ImageProvider.1=amazon",
            "Action=EnableAllowedImagesSettings&AllowedImagesSettingsState=audit-mode",
            "Action=CreateTags&ResourceId.1=ami-05a4db0c500000001&Tag.1.Key=Name&Tag.1.Value=a*b?",
        ] {
            assert_eq!(ask(&sandbox, form).0, 200);
        }
        let all = read(&sandbox);
        assert!(all.len() > count * 9 / 10);
        let mut mill = Mill::new(&format!("questions {seed}"));
        for _ in 0..questions {
            let question = draw(&mut mill, &all);
            let expected = scan(&all, &question);
            let form = form(&question);
            assert_eq!(images(&sandbox, &form), expected, "{question:?}");
            hits += usize::from(!expected.is_empty() && !question.filters.is_empty());
            if mill.chance(10) {
                let size = 1 + mill.below(200);
                assert_eq!(crawl(&sandbox, &form, size), expected, "in pages of {size}: {question:?}");
            }
        }
    }
    assert!(hits > 100, "most questions must find something: {hits}");
}
