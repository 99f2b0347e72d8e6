//! Answers a query on one segment: the most selective filters first, the others on what is left.

use jiff::Timestamp;
use roaring::RoaringBitmap;

use super::Query;
use super::decode::Reader;
use super::decode::blank;
use super::facet::Facet;
use super::segment::Segment;
use super::wanted::Wanted;
use crate::ami::classify::Recommendation;
use crate::ami::compatibility::can_boot;
use crate::ami::filter::{Ec2FilterName, Filter, FilterName, GantryFilterName};
use crate::ec2::facts::InstanceTypeFacts;

/// What reading an image back and matching it is reckoned at, in nanoseconds.
const READ_COST: u64 = 700;

/// A condition, as far as it can be told without looking at many values.
enum Clause<'q> {
    /// Its images are known.
    Images(RoaringBitmap),
    /// They follow from a dictionary, or from looking at each candidate.
    Facet(&'q Facet, Wanted<'q>, &'q Filter),
}

impl Clause<'_> {
    /// How many images it can be at most.
    fn images_max(&self) -> u64 {
        match self {
            Self::Images(images) => images.len(),
            Self::Facet(facet, wanted, _) => wanted.images_max(facet),
        }
    }

    /// What it costs on its own.
    fn cost(&self) -> u64 {
        match self {
            Self::Images(_) => 0,
            Self::Facet(facet, wanted, _) => wanted.dictionary_cost(facet, u64::MAX),
        }
    }
}

/// The images of a segment that a query asks for.
pub(super) fn answer(segment: &Segment, query: &Query<'_>) -> RoaringBitmap {
    let reader = segment.table.reader();
    let index = &segment.index;
    let mut clauses = Vec::with_capacity(query.owners.len() + 1);
    if !query.owners.is_empty() && !query.owners.iter().any(|word| word == "all") {
        clauses.push(Clause::Images(owned(segment, query.owners)));
    }
    let filters: Vec<&Filter> = query.filters.iter().collect();
    for (at, filter) in filters.iter().enumerate() {
        // The same condition twice says no more and costs no less.
        if !filters[..at].contains(filter) {
            clauses.push(clause(segment, filter, query));
        }
    }
    // A clause is worth its cost if it leaves little.
    clauses.sort_by_cached_key(|clause| clause.cost() + clause.images_max() * 4);
    let mut candidates: Option<RoaringBitmap> = None;
    for clause in clauses {
        let images = match (clause, &candidates) {
            (Clause::Images(images), None) => images,
            (Clause::Images(images), Some(candidates)) => images & candidates,
            (Clause::Facet(facet, wanted, filter), candidates) => {
                by_facet(facet, wanted, filter, reader, candidates.as_ref())
            }
        };
        let first = candidates.is_none();
        let mut images = images;
        if first {
            hide(segment, query, &mut images);
        }
        if images.is_empty() {
            return images;
        }
        candidates = Some(images);
    }
    candidates.unwrap_or_else(|| {
        let mut images = index.all.clone();
        hide(segment, query, &mut images);
        images
    })
}

/// Takes away what the query does not want to see.
fn hide(segment: &Segment, query: &Query<'_>, images: &mut RoaringBitmap) {
    if !query.include_deprecated {
        *images -= &segment.index.hidden_by_deprecation(segment.table.reader(), query.now, images);
    }
    if !query.include_disabled {
        *images -= &segment.index.disabled;
    }
}

fn owned(segment: &Segment, owners: &[String]) -> RoaringBitmap {
    let reader = segment.table.reader();
    let mut images = RoaringBitmap::new();
    for word in owners {
        if word == "self" {
            images |= &segment.index.own;
        }
        for name in [Ec2FilterName::OwnerId, Ec2FilterName::OwnerAlias] {
            images |= segment.index.ec2(name).docs_of(reader, word);
        }
    }
    images
}

fn clause<'q>(segment: &'q Segment, filter: &'q Filter, query: &Query<'_>) -> Clause<'q> {
    let reader = segment.table.reader();
    let index = &segment.index;
    let (facet, within) = match filter.name() {
        FilterName::Ec2(name) => (index.ec2(*name), index.ec2(*name).all()),
        FilterName::Tag(key) => (&index.tags, index.tag_values(reader, key)),
        FilterName::Gantry(GantryFilterName::Deprecated) => {
            return Clause::Images(by_deprecation(segment, filter, query.now));
        }
        FilterName::Gantry(GantryFilterName::Recommendation) => {
            return Clause::Images(by_recommendation(segment, filter, query.now));
        }
        FilterName::Gantry(GantryFilterName::BootableOn) => {
            return Clause::Images(by_boot(segment, filter, query.types));
        }
        FilterName::Gantry(name) => (index.gantry(*name), index.gantry(*name).all()),
    };
    let wanted = facet.wanted(reader, within, filter.values());
    if wanted.is_empty() { Clause::Images(RoaringBitmap::new()) } else { Clause::Facet(facet, wanted, filter) }
}

fn by_facet(
    facet: &Facet,
    wanted: Wanted<'_>,
    filter: &Filter,
    reader: Reader<'_>,
    candidates: Option<&RoaringBitmap>,
) -> RoaringBitmap {
    let Some(candidates) = candidates else { return wanted.by_dictionary(facet, reader, None) };
    let cost = wanted.dictionary_cost(facet, candidates.len());
    let can_be_read = !matches!(filter.name(), FilterName::Gantry(_));
    match &facet.ranks {
        Some(ranks) if wanted.candidates_cost(facet, candidates.len()) < cost => {
            wanted.by_ranks(facet, ranks, reader, candidates)
        }
        None if can_be_read && candidates.len() * READ_COST < cost => by_reading(filter, reader, candidates),
        Some(_) | None => wanted.by_dictionary(facet, reader, Some(candidates)),
    }
}

/// Reads every candidate back and matches it by a filter of EC2's.
fn by_reading(filter: &Filter, reader: Reader<'_>, candidates: &RoaringBitmap) -> RoaringBitmap {
    let mut image = blank();
    let wanted = candidates.iter().filter(|doc| {
        reader.load(*doc, &mut image);
        filter.matches_facts(&image)
    });
    wanted.collect()
}

fn by_deprecation(segment: &Segment, filter: &Filter, now: Timestamp) -> RoaringBitmap {
    let index = &segment.index;
    let deprecated = index.deprecations.at(segment.table.reader(), now);
    match (filter.accepts("true"), filter.accepts("false")) {
        (true, true) => index.all.clone(),
        (true, false) => RoaringBitmap::clone(&deprecated),
        (false, true) => &index.all - &*deprecated,
        (false, false) => RoaringBitmap::new(),
    }
}

/// A deprecated image that would be recommended or acceptable is discouraged.
fn by_recommendation(segment: &Segment, filter: &Filter, now: Timestamp) -> RoaringBitmap {
    let reader = segment.table.reader();
    let facet = segment.index.gantry(GantryFilterName::Recommendation);
    let deprecated = segment.index.deprecations.at(reader, now);
    let discouraged = filter.accepts(Recommendation::Discouraged.as_str());
    let mut images = RoaringBitmap::new();
    for word in Recommendation::ALL {
        let accepted = filter.accepts(word.as_str());
        let lowered = matches!(word, Recommendation::Recommended | Recommendation::Acceptable);
        let found = || facet.docs_of(reader, word.as_str());
        match (accepted, lowered) {
            (true, false) => images |= found(),
            (true, true) if discouraged => images |= found(),
            (true, true) => images |= found() - &*deprecated,
            (false, true) if discouraged => images |= found() & &*deprecated,
            (false, _) => {}
        }
    }
    images
}

fn by_boot(segment: &Segment, filter: &Filter, types: &[InstanceTypeFacts]) -> RoaringBitmap {
    let reader = segment.table.reader();
    let types: Vec<_> = types.iter().filter(|facts| filter.accepts(facts.instance_type.as_str())).collect();
    let mut image = blank();
    let mut images = RoaringBitmap::new();
    for (doc, alike) in &segment.index.boots {
        reader.load(*doc, &mut image);
        if types.iter().any(|facts| can_boot(&image, facts)) {
            images |= alike;
        }
    }
    images
}
