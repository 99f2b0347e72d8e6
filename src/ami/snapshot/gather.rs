//! Builds the index of a segment from its table.
//!
//! What an image has for a filter is asked of the filters themselves, so that the index cannot
//! mean something else than they do. Big facets are built one after the other, so that little is
//! held beside what stays.

use std::collections::HashMap;

use jiff::Timestamp;
use roaring::RoaringBitmap;

use super::arena::{Interner, NONE, Symbol};
use super::decode::Reader;
use super::deprecation::Deprecations;
use super::encode::Encoder;
use super::facet::{Facet, Keys};
use super::index::Index;
use super::postings::compact;
use crate::ami::classify::{Viewer, classify};
use crate::ami::compatibility::{BootKey, boot_key};
use crate::ami::filter::{Ec2FilterName as Ec2, GantryFilterName as Gantry, ec2_times, ec2_values, gantry_values};
use crate::ec2::facts::Image;
use crate::ids::AccountId;

/// How the values of a filter are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Few values with many images each.
    Bitmaps,
    /// Many values with few images each.
    Pairs,
    /// Times.
    Times,
    /// From the rows, when all else is done.
    Rows,
}

fn way(name: Ec2) -> Way {
    match name {
        Ec2::ImageId
        | Ec2::Name
        | Ec2::Description
        | Ec2::ManifestLocation
        | Ec2::CreationDate
        | Ec2::BlockDeviceSnapshotId => Way::Rows,
        Ec2::WatermarkSourceImageCreationTime
        | Ec2::WatermarkCreationTime
        | Ec2::ScanDate
        | Ec2::ScanInformationalFix
        | Ec2::ScanLowFix
        | Ec2::ScanMediumFix
        | Ec2::ScanHighFix
        | Ec2::ScanCriticalFix => Way::Times,
        Ec2::ProductCode
        | Ec2::PublicSsmParameterName
        | Ec2::SourceImageId
        | Ec2::SourceInstanceId
        | Ec2::StateReasonMessage
        | Ec2::WatermarkKey
        | Ec2::WatermarkSourceImageId => Way::Pairs,
        _ => Way::Bitmaps,
    }
}

type Bitmaps = HashMap<Symbol, RoaringBitmap>;

/// What is collected while the images pass by.
#[derive(Debug)]
struct Collected {
    bitmaps: Vec<Bitmaps>,
    pairs: Vec<Vec<(Symbol, u32)>>,
    times: Vec<Vec<(i64, u32)>>,
    tags: Vec<(Symbol, Symbol, u32)>,
    gantry: Vec<Bitmaps>,
    boots: HashMap<BootKey, (u32, RoaringBitmap)>,
}

/// The index of what the encoder holds, whose rows are in their final order.
pub(super) fn index(encoder: &mut Encoder, viewer: &Viewer) -> Index {
    let collected = collect(encoder, viewer);
    let Encoder { texts, shapes, devices, records, rows } = &*encoder;
    let reader = Reader { texts: texts.arena(), shapes: shapes.values(), devices: devices.values(), records, rows };
    let images = rows.len() as u32;
    let Collected { bitmaps, pairs, times, tags, gantry, boots } = collected;
    let mut ec2 = Vec::with_capacity(Ec2::ALL.len());
    for (((name, bitmaps), pairs), times) in Ec2::ALL.iter().zip(bitmaps).zip(pairs).zip(times) {
        ec2.push(match way(*name) {
            Way::Bitmaps => Facet::of_bitmaps(reader, bitmaps),
            Way::Pairs => Facet::of_words(reader, pairs),
            Way::Times => Facet::of_times(times),
            Way::Rows => of_rows(*name, reader),
        });
    }
    let (tags, tag_keys) = tag_facet(reader, tags);
    let mut own = viewer_account(viewer).map(|account| ec2[Ec2::OwnerId as usize].docs_of(reader, account.as_str()));
    let mut boots: Vec<_> = boots.into_values().map(|(doc, bitmap)| (doc, compact(bitmap))).collect();
    boots.shrink_to_fit();
    let mut all = RoaringBitmap::new();
    all.insert_range(0..images);
    Index {
        tags,
        tag_keys,
        gantry: gantry.into_iter().map(|bitmaps| Facet::of_bitmaps(reader, bitmaps)).collect(),
        boots,
        own: compact(own.take().unwrap_or_default()),
        deprecations: Deprecations::new(reader),
        disabled: compact(ec2[Ec2::State as usize].docs_of(reader, "disabled")),
        all: compact(all),
        ec2,
    }
}

/// The account whose images are its viewer's own.
fn viewer_account(viewer: &Viewer) -> Option<&AccountId> {
    viewer.account_id.as_ref()
}

fn collect(encoder: &mut Encoder, viewer: &Viewer) -> Collected {
    let mut collected = Collected {
        bitmaps: vec![Bitmaps::new(); Ec2::ALL.len()],
        pairs: vec![Vec::new(); Ec2::ALL.len()],
        times: vec![Vec::new(); Ec2::ALL.len()],
        tags: Vec::new(),
        gantry: vec![Bitmaps::new(); Gantry::ALL.len()],
        boots: HashMap::new(),
    };
    let mut image = blank();
    let Encoder { texts, shapes, devices, records, rows } = encoder;
    for doc in 0..rows.len() as u32 {
        let reader = Reader { texts: texts.arena(), shapes: shapes.values(), devices: devices.values(), records, rows };
        reader.load(doc, &mut image);
        let is_rare = reader.is_rare(doc);
        for name in Ec2::ALL {
            let at = *name as usize;
            match way(*name) {
                Way::Bitmaps => ec2_values(*name, &image, &mut |value| {
                    add(&mut collected.bitmaps[at], texts, value, doc);
                }),
                Way::Pairs if is_rare => ec2_values(*name, &image, &mut |value| {
                    collected.pairs[at].push((texts.intern(value), doc));
                }),
                Way::Times if is_rare => ec2_times(*name, &image, &mut |time| {
                    collected.times[at]
                        .extend(super::row::Moment::new(Some(time)).millisecond().map(|time| (time, doc)));
                }),
                Way::Pairs | Way::Times | Way::Rows => {}
            }
        }
        for (key, value) in &image.tags {
            let pair = (texts.intern(key), texts.intern(value));
            collected.tags.push((pair.0, pair.1, doc));
        }
        // Deprecation is not looked at: it is added at the time of the query.
        let classification = classify(&image, viewer, None, Timestamp::MIN);
        for name in Gantry::ALL {
            if !matches!(name, Gantry::Deprecated | Gantry::BootableOn) {
                gantry_values(*name, &image, &classification, &mut |value| {
                    add(&mut collected.gantry[*name as usize], texts, value, doc);
                });
            }
        }
        let boots = collected.boots.entry(boot_key(&image)).or_insert_with(|| (doc, RoaringBitmap::new()));
        boots.1.insert(doc);
    }
    collected
}

fn add(bitmaps: &mut Bitmaps, texts: &mut Interner, value: &str, doc: u32) {
    let symbol = texts.intern(value);
    if symbol != NONE {
        bitmaps.entry(symbol).or_default().insert(doc);
    }
}

fn of_rows(name: Ec2, reader: Reader<'_>) -> Facet {
    let images = reader.rows.len() as u32;
    let of_symbols = |symbol: &dyn Fn(u32) -> Symbol| {
        let pairs = (0..images).map(|doc| (symbol(doc), doc)).filter(|(symbol, _)| *symbol != NONE);
        let mut all = Vec::with_capacity(images as usize);
        all.extend(pairs);
        Facet::of_words(reader, all).ranked(images)
    };
    match name {
        Ec2::Name => of_symbols(&|doc| reader.row(doc).name).searchable(reader),
        Ec2::Description => of_symbols(&|doc| reader.row(doc).description).searchable(reader),
        Ec2::CreationDate => {
            let mut pairs = Vec::with_capacity(images as usize);
            pairs.extend((0..images).filter_map(|doc| reader.row(doc).created().millisecond().map(|time| (time, doc))));
            Facet::of_times(pairs).ranked(images)
        }
        Ec2::ImageId => {
            let mut docs: Vec<u32> = (0..images).collect();
            docs.sort_unstable_by_key(|doc| reader.row(*doc).id());
            Facet::of_docs(Keys::Ids, &docs, |_, _| false).ranked(images)
        }
        Ec2::ManifestLocation => locations(reader).ranked(images).searchable(reader),
        _ => {
            let count = |doc| {
                let mut count = 0;
                reader.snapshots(doc, |_| count += 1);
                count
            };
            let mut pairs = Vec::with_capacity((0..images).map(count).sum());
            (0..images).for_each(|doc| reader.snapshots(doc, |symbol| pairs.push((symbol, doc))));
            Facet::of_words(reader, pairs)
        }
    }
}

fn locations(reader: Reader<'_>) -> Facet {
    let images = reader.rows.len() as u32;
    let [mut one, mut other] = [String::new(), String::new()];
    let mut docs = Vec::with_capacity(images as usize);
    docs.extend((0..images).filter(|doc| reader.row(*doc).location != NONE));
    docs.sort_unstable_by(|left, right| {
        reader.location(*left, &mut one);
        reader.location(*right, &mut other);
        one.cmp(&other).then(left.cmp(right))
    });
    Facet::of_docs(Keys::Locations, &docs, |left, right| {
        let [mut one, mut other] = [String::new(), String::new()];
        reader.location(left, &mut one);
        reader.location(right, &mut other);
        one == other
    })
}

fn tag_facet(reader: Reader<'_>, mut tags: Vec<(Symbol, Symbol, u32)>) -> (Facet, Vec<(Symbol, u32)>) {
    let text = |symbol: Symbol| reader.texts.text(symbol);
    tags.retain(|(key, value, _)| *key != NONE && *value != NONE);
    tags.sort_unstable_by(|left, right| {
        let keys = text(left.0).cmp(text(right.0));
        keys.then_with(|| text(left.1).cmp(text(right.1))).then(left.2.cmp(&right.2))
    });
    let mut keys: Vec<(Symbol, u32)> = Vec::new();
    let mut values = Vec::new();
    let mut postings = super::postings::Postings::with_room(0, tags.len());
    for tags in tags.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
        let Some((key, value, _)) = tags.first() else { continue };
        if keys.last().is_none_or(|(known, _)| known != key) {
            keys.push((*key, values.len() as u32));
        }
        values.push(*value);
        postings.push(tags.iter().map(|(_, _, doc)| *doc));
    }
    postings.shrink();
    values.shrink_to_fit();
    keys.shrink_to_fit();
    (Facet::of_sorted(values, postings), keys)
}

/// An image to load into.
pub(super) fn blank() -> Image {
    Image::unknown("ami-00000000".parse().expect("the form of an image id"))
}
