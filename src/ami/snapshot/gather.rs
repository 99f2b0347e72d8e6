//! Builds the index of a segment from its table.
//!
//! What an image has for a filter is asked of the filters themselves, so that the index cannot
//! mean something else than they do. Two threads share the work, because nobody is answered from a
//! crawl before its end: one goes through the images, the other makes the facets that the rows
//! alone tell.

mod collect;
mod rows;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use roaring::RoaringBitmap;

use self::collect::{ByText, Collected, collect};
use super::arena::{Interner, NONE, Symbol};
use super::decode::Reader;
use super::deprecation::Deprecations;
use super::encode::Encoder;
use super::facet::Facet;
use super::index::Index;
use super::postings::{Postings, compact};
use crate::ami::classify::Viewer;
use crate::ami::filter::Ec2FilterName as Ec2;
use crate::ids::AccountId;

/// How the values of a filter are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the words that an image shares with many others.
    Shape,
    /// From each of its devices.
    Device,
    /// A few values, of few images.
    Rare,
    /// Many values of few images each, of few images.
    Pairs,
    /// Times, of few images.
    Times,
    /// Many values, from the rows.
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
        Ec2::ProductCodeType
        | Ec2::StateReasonCode
        | Ec2::WatermarkSourceImageRegion
        | Ec2::ScanHighestSeverity
        | Ec2::SupportedInstanceType
        | Ec2::UnsupportedInstanceType
        | Ec2::TagKey => Way::Rare,
        Ec2::BlockDeviceName
        | Ec2::BlockDeviceDeleteOnTermination
        | Ec2::BlockDeviceVolumeSize
        | Ec2::BlockDeviceVolumeType
        | Ec2::BlockDeviceEncrypted => Way::Device,
        Ec2::Architecture
        | Ec2::BootMode
        | Ec2::EnaSupport
        | Ec2::FreeTierEligible
        | Ec2::Hypervisor
        | Ec2::ImageAllowed
        | Ec2::ImageType
        | Ec2::IsPublic
        | Ec2::KernelId
        | Ec2::OwnerAlias
        | Ec2::OwnerId
        | Ec2::Platform
        | Ec2::RamdiskId
        | Ec2::RootDeviceName
        | Ec2::RootDeviceType
        | Ec2::SourceImageRegion
        | Ec2::State
        | Ec2::SriovNetSupport
        | Ec2::VirtualizationType => Way::Shape,
    }
}

/// The index of what the encoder holds, whose rows are in their final order.
pub(super) fn index(encoder: &mut Encoder, viewer: &Viewer) -> Index {
    let (collected, mut of_rows) = both(encoder, viewer);
    let images = encoder.rows.len() as u32;
    let Collected { words, pairs, times, tags, gantry, boots } = collected;
    // Some of their texts are not facts of an image, so they are not there yet.
    let words: Vec<_> = words.into_iter().map(|words| interned(&mut encoder.texts, words)).collect();
    let gantry: Vec<_> = gantry.into_iter().map(|words| interned(&mut encoder.texts, words)).collect();
    let reader = encoder.reader();
    let mut ec2 = Vec::with_capacity(Ec2::ALL.len());
    for (((name, words), pairs), times) in Ec2::ALL.iter().zip(words).zip(pairs).zip(times) {
        ec2.push(match way(*name) {
            Way::Shape | Way::Device | Way::Rare => Facet::of_bitmaps(reader, words),
            Way::Pairs => Facet::of_words(reader, pairs),
            Way::Times => Facet::of_times(times),
            Way::Rows => of_rows.remove(name).unwrap_or_else(|| rows::facet(*name, reader)),
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

/// A snapshot with fewer images is not worth a second thread: refreshes make many of those.
const TWO_THREADS_MIN: usize = 4096;

/// What is collected while the images pass by, and the facets that the rows alone tell.
fn both(encoder: &Encoder, viewer: &Viewer) -> (Collected, HashMap<Ec2, Facet>) {
    let (reader, texts) = (encoder.reader(), &encoder.texts);
    if encoder.rows.len() < TWO_THREADS_MIN {
        return (collect(reader, texts, viewer), HashMap::new());
    }
    let next = AtomicUsize::new(0);
    // Either thread takes the next that nobody has.
    let facets = || -> Vec<(Ec2, Facet)> {
        std::iter::from_fn(|| rows::NAMES.get(next.fetch_add(1, Ordering::Relaxed)))
            .map(|name| (*name, rows::facet(*name, reader)))
            .collect()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(facets);
        let collected = collect(reader, texts, viewer);
        let mut made: HashMap<_, _> = facets().into_iter().collect();
        match other.join() {
            Ok(facets) => made.extend(facets),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        (collected, made)
    })
}

fn interned(texts: &mut Interner, words: ByText) -> Vec<(Symbol, RoaringBitmap)> {
    let interned = words.into_iter().map(|(text, bitmap)| (texts.intern(&text), bitmap));
    interned.filter(|(symbol, _)| *symbol != NONE).collect()
}

/// The account whose images are its viewer's own.
fn viewer_account(viewer: &Viewer) -> Option<&AccountId> {
    viewer.account_id.as_ref()
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
    let mut postings = Postings::with_room(0, tags.len());
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
