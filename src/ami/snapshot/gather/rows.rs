//! The facets in which nearly every image has a value of its own: made of the rows alone.

use crate::ami::filter::Ec2FilterName as Ec2;
use crate::ami::snapshot::arena::{NONE, Symbol};
use crate::ami::snapshot::decode::Reader;
use crate::ami::snapshot::facet::{Facet, Keys};

/// The filters whose facets are made here, those that take longest first.
pub(super) const NAMES: [Ec2; 6] =
    [Ec2::ManifestLocation, Ec2::Name, Ec2::BlockDeviceSnapshotId, Ec2::Description, Ec2::ImageId, Ec2::CreationDate];

/// The facet of one of [`NAMES`].
pub(super) fn facet(name: Ec2, reader: Reader<'_>) -> Facet {
    let images = reader.rows.len() as u32;
    let of_symbols = |symbol: &dyn Fn(u32) -> Symbol| {
        let pairs = (0..images).map(|doc| (symbol(doc), doc)).filter(|(symbol, _)| *symbol != NONE);
        Facet::of_words(reader, pairs).ranked(images)
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
            let mut ids: Vec<_> = (0..images).map(|doc| (reader.row(doc).id(), doc)).collect();
            ids.sort_unstable();
            Facet::of_docs(Keys::Ids, &ids).ranked(images)
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

/// Most locations are made of other facts; they are written out for the time of sorting.
fn locations(reader: Reader<'_>) -> Facet {
    let images = reader.rows.len() as u32;
    let mut buffer = String::new();
    let mut texts = String::new();
    let mut ends = Vec::with_capacity(images as usize);
    for doc in (0..images).filter(|doc| reader.row(*doc).location != NONE) {
        reader.location(doc, &mut buffer);
        texts.push_str(&buffer);
        ends.push((doc, texts.len()));
    }
    let mut begin = 0;
    let mut located: Vec<(&str, u32)> = Vec::with_capacity(ends.len());
    located.extend(ends.iter().map(|(doc, end)| (&texts[std::mem::replace(&mut begin, *end)..*end], *doc)));
    located.sort_unstable();
    Facet::of_docs(Keys::Locations, &located)
}
