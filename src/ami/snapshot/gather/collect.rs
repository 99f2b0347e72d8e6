//! One pass over all images, for the facets in which many of them have the same value.
//!
//! Images of one shape have the same words, and a device is shared by many: what these say is asked
//! once for each shape and device, and not for each image.

use std::collections::HashMap;

use jiff::Timestamp;
use roaring::RoaringBitmap;

use super::{Way, way};
use crate::ami::classify::{Viewer, classify};
use crate::ami::compatibility::{BootKey, boot_key};
use crate::ami::filter::{Ec2FilterName as Ec2, GantryFilterName as Gantry, ec2_times, ec2_values, gantry_values};
use crate::ami::snapshot::arena::{Interner, Symbol};
use crate::ami::snapshot::decode::{Reader, blank, no_device};
use crate::ami::snapshot::row::Moment;
use crate::ec2::facts::Image;

/// The images of each text.
pub(super) type ByText = HashMap<String, RoaringBitmap>;

/// What one pass over the images collects.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) words: Vec<ByText>,
    pub(super) pairs: Vec<Vec<(Symbol, u32)>>,
    pub(super) times: Vec<Vec<(i64, u32)>>,
    pub(super) tags: Vec<(Symbol, Symbol, u32)>,
    pub(super) gantry: Vec<ByText>,
    pub(super) boots: HashMap<BootKey, (u32, RoaringBitmap)>,
}

/// Goes through all images.
pub(super) fn collect(reader: Reader<'_>, texts: &Interner, viewer: &Viewer) -> Collected {
    let mut collected = Collected {
        words: vec![ByText::new(); Ec2::ALL.len()],
        pairs: vec![Vec::new(); Ec2::ALL.len()],
        times: vec![Vec::new(); Ec2::ALL.len()],
        tags: Vec::new(),
        gantry: vec![ByText::new(); Gantry::ALL.len()],
        boots: HashMap::new(),
    };
    let mut shapes = vec![RoaringBitmap::new(); reader.shapes.len()];
    let mut devices = vec![RoaringBitmap::new(); reader.devices.len()];
    let mut image = blank();
    for doc in 0..reader.rows.len() as u32 {
        shapes[reader.row(doc).shape as usize].insert(doc);
        reader.device_numbers(doc, |device| {
            devices[device as usize].insert(doc);
        });
        reader.load(doc, &mut image);
        if reader.is_rare(doc) {
            collected.rare(&image, doc, texts);
        }
        // Deprecation is not looked at: it is added at the time of the query.
        let classification = classify(&image, viewer, None, Timestamp::MIN);
        for name in Gantry::ALL {
            if !matches!(name, Gantry::Deprecated | Gantry::BootableOn) {
                gantry_values(*name, &image, &classification, &mut |value| {
                    add(&mut collected.gantry[*name as usize], value, doc);
                });
            }
        }
        let boots = collected.boots.entry(boot_key(&image)).or_insert_with(|| (doc, RoaringBitmap::new()));
        boots.1.insert(doc);
    }
    for docs in shapes {
        // Any image of a shape says what all say. A shape without images is that of one that was
        // replaced during the crawl.
        if let Some(doc) = docs.min() {
            reader.load(doc, &mut image);
            collected.shared(Way::Shape, &image, &docs);
        }
    }
    let mut image = blank();
    image.block_device_mappings = vec![no_device()];
    for (device, docs) in devices.iter().enumerate().filter(|(_, docs)| !docs.is_empty()) {
        reader.device(device as u32, &mut image.block_device_mappings[0]);
        collected.shared(Way::Device, &image, docs);
    }
    collected
}

impl Collected {
    /// What few images have.
    fn rare(&mut self, image: &Image, doc: u32, texts: &Interner) {
        for name in Ec2::ALL {
            let at = *name as usize;
            match way(*name) {
                Way::Rare => ec2_values(*name, image, &mut |value| add(&mut self.words[at], value, doc)),
                // The texts are facts of the image, so each has a number.
                Way::Pairs => ec2_values(*name, image, &mut |value| {
                    self.pairs[at].extend(texts.known(value).map(|symbol| (symbol, doc)));
                }),
                Way::Times => ec2_times(*name, image, &mut |time| {
                    self.times[at].extend(Moment::new(Some(time)).millisecond().map(|time| (time, doc)));
                }),
                Way::Shape | Way::Device | Way::Rows => {}
            }
        }
        for (key, value) in &image.tags {
            if let (Some(key), Some(value)) = (texts.known(key), texts.known(value)) {
                self.tags.push((key, value, doc));
            }
        }
    }

    /// What all of `docs` have in common, and `image` has.
    fn shared(&mut self, wanted: Way, image: &Image, docs: &RoaringBitmap) {
        for name in Ec2::ALL.iter().filter(|name| way(**name) == wanted) {
            ec2_values(*name, image, &mut |value| {
                *self.words[*name as usize].entry(value.to_owned()).or_default() |= docs;
            });
        }
    }
}

fn add(words: &mut ByText, text: &str, doc: u32) {
    match words.get_mut(text) {
        Some(docs) => docs.insert(doc),
        None => words.entry(text.to_owned()).or_default().insert(doc),
    };
}
