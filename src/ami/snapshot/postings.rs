//! Which images have which value: a few as a list, many as a bitmap.

use std::ops::Range;

use roaring::RoaringBitmap;

/// From this many images on a bitmap is smaller than a list.
const BITMAP_MIN: usize = 64;

/// What a roaring container takes beside its contents: its entry in the bitmap, and what the
/// allocator keeps for it.
const CONTAINER_BYTES: usize = 64;

/// For each value of a dictionary, in its order, the images that have it.
#[derive(Debug, Default)]
pub(super) struct Postings {
    /// Where in `docs` each value's images begin, and the end.
    starts: Vec<u32>,
    docs: Vec<u32>,
    /// Values with many images, which have none in `docs`; sorted.
    bitmaps: Vec<(u32, RoaringBitmap)>,
}

impl Postings {
    pub(super) fn with_room(values: usize, docs: usize) -> Self {
        let mut starts = Vec::with_capacity(values + 1);
        starts.push(0);
        Self { starts, docs: Vec::with_capacity(docs), bitmaps: Vec::new() }
    }

    /// Adds the next value with its images in order.
    pub(super) fn push(&mut self, docs: impl ExactSizeIterator<Item = u32>) {
        if docs.len() < BITMAP_MIN {
            self.docs.extend(docs);
        } else {
            let value = self.starts.len() as u32 - 1;
            self.bitmaps.push((value, compact(docs.collect())));
        }
        self.starts.push(self.docs.len() as u32);
    }

    /// Gives back spare room.
    pub(super) fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.docs.shrink_to_fit();
        self.bitmaps.shrink_to_fit();
    }

    /// How many values there are.
    pub(super) fn len(&self) -> u32 {
        (self.starts.len() as u32).saturating_sub(1)
    }

    /// One image that has a value.
    pub(super) fn first(&self, value: u32) -> Option<u32> {
        match self.list(value..value + 1).first() {
            Some(doc) => Some(*doc),
            None => self.bitmaps_in(value..value + 1).next().and_then(RoaringBitmap::min),
        }
    }

    /// The images of values that have a few each.
    pub(super) fn list(&self, values: Range<u32>) -> &[u32] {
        &self.docs[self.starts[values.start as usize] as usize..self.starts[values.end as usize] as usize]
    }

    /// The images of values that have many each.
    pub(super) fn bitmaps_in(&self, values: Range<u32>) -> impl Iterator<Item = &RoaringBitmap> {
        let first = self.bitmaps.partition_point(|(value, _)| *value < values.start);
        self.bitmaps[first..].iter().take_while(move |(value, _)| *value < values.end).map(|(_, bitmap)| bitmap)
    }

    /// Calls `each` with every value and image.
    pub(super) fn each(&self, mut each: impl FnMut(u32, u32)) {
        for value in 0..self.len() {
            self.list(value..value + 1).iter().for_each(|doc| each(value, *doc));
        }
        for (value, bitmap) in &self.bitmaps {
            bitmap.iter().for_each(|doc| each(*value, doc));
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let lists = (self.starts.capacity() + self.docs.capacity()) * size_of::<u32>();
        let entries = self.bitmaps.capacity() * size_of::<(u32, RoaringBitmap)>();
        lists + entries + self.bitmaps.iter().map(|(_, bitmap)| bitmap_bytes(bitmap)).sum::<usize>()
    }
}

/// A bitmap in its smallest form, without spare room.
pub(super) fn compact(mut bitmap: RoaringBitmap) -> RoaringBitmap {
    bitmap.optimize();
    bitmap.clone()
}

/// Bytes that a bitmap has on the heap.
pub(super) fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    let all = bitmap.statistics();
    let contents = all.n_bytes_array_containers + all.n_bytes_bitset_containers + all.n_bytes_run_containers;
    contents as usize + all.n_containers as usize * CONTAINER_BYTES
}

/// The union of lists and bitmaps, of images below `limit`, and among `candidates` if given.
pub(super) fn union<'a>(
    lists: impl Iterator<Item = &'a [u32]> + Clone,
    bitmaps: impl Iterator<Item = &'a RoaringBitmap>,
    candidates: Option<&RoaringBitmap>,
    limit: u32,
) -> RoaringBitmap {
    let count: usize = lists.clone().map(<[u32]>::len).sum();
    let mut all = if count > limit as usize / 64 {
        let mut bits = Bits::new(limit);
        // List by list: a chain of them would be asked for its next part at each image.
        lists.for_each(|docs| docs.iter().for_each(|doc| bits.set(*doc)));
        bits.bitmap()
    } else {
        let is_wanted = |doc: &u32| candidates.is_none_or(|wanted| wanted.contains(*doc));
        let mut docs: Vec<u32> = lists.flatten().copied().filter(is_wanted).collect();
        docs.sort_unstable();
        docs.into_iter().collect()
    };
    if let Some(candidates) = candidates {
        all &= candidates;
    }
    for bitmap in bitmaps {
        match candidates {
            Some(candidates) => all |= bitmap & candidates,
            None => all |= bitmap,
        }
    }
    all
}

/// A bitmap of images below `limit`, in any order.
pub(super) fn collect(docs: impl Iterator<Item = u32>, limit: u32) -> RoaringBitmap {
    let mut bits = Bits::new(limit);
    docs.for_each(|doc| bits.set(doc));
    bits.bitmap()
}

/// A bit for each image. Setting bits and reading them as a bitmap is much faster than putting
/// images into a bitmap one by one.
struct Bits(Vec<u8>);

impl Bits {
    fn new(limit: u32) -> Self {
        Self(vec![0; (limit as usize).div_ceil(8)])
    }

    #[inline]
    fn set(&mut self, doc: u32) {
        self.0[doc as usize / 8] |= 1 << (doc % 8);
    }

    fn bitmap(self) -> RoaringBitmap {
        RoaringBitmap::from_lsb0_bytes(0, &self.0)
    }
}
