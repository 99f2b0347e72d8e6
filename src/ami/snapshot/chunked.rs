//! A long array in pieces, so that growing it copies nothing and wastes nothing.

/// Items in one piece.
const PIECE: usize = 1 << PIECE_BITS;
const PIECE_BITS: u32 = 12;

/// An array that only grows. The first piece grows as a `Vec` does, so that a short array is small.
#[derive(Debug, Default)]
pub(super) struct Chunked<T> {
    pieces: Vec<Vec<T>>,
    len: usize,
}

impl<T: Copy> Chunked<T> {
    /// An empty array whose list of pieces has room for `len` items.
    pub(super) fn with_room(len: usize) -> Self {
        Self { pieces: Vec::with_capacity(len.div_ceil(PIECE)), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, item: T) {
        match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => piece.push(item),
            None => {
                let mut piece = Vec::with_capacity(if self.pieces.is_empty() { 1 } else { PIECE });
                piece.push(item);
                self.pieces.push(piece);
            }
        }
        self.len += 1;
    }

    /// The item at a place that exists.
    #[inline]
    pub(super) fn get(&self, at: usize) -> &T {
        &self.pieces[at >> PIECE_BITS][at & (PIECE - 1)]
    }

    fn set(&mut self, at: usize, item: T) {
        self.pieces[at >> PIECE_BITS][at & (PIECE - 1)] = item;
    }

    /// Puts at each place `i` the item that was at `from[i]`, forgets what `from` does not name, and
    /// gives back spare room. No second array is made: each cycle of the order is walked once.
    pub(super) fn rearrange(&mut self, from: &mut [u32]) {
        // What `from` leaves out would break the cycles, so those places are first filled up: the
        // kept items are compacted in their old order, and `from` is renumbered to match.
        let mut kept = vec![0u64; self.len.div_ceil(64)];
        for &at in from.iter() {
            kept[at as usize / 64] |= 1 << (at % 64);
        }
        if from.len() < self.len {
            let mut before = Vec::with_capacity(kept.len());
            let mut sum = 0u32;
            for word in &kept {
                before.push(sum);
                sum += word.count_ones();
            }
            for at in 0..self.len {
                if kept[at / 64] & (1 << (at % 64)) != 0 {
                    let below = (kept[at / 64] & ((1 << (at % 64)) - 1)).count_ones();
                    let item = *self.get(at);
                    self.set((before[at / 64] + below) as usize, item);
                }
            }
            for at in from.iter_mut() {
                let word = *at as usize / 64;
                *at = before[word] + (kept[word] & ((1 << (*at % 64)) - 1)).count_ones();
            }
            self.truncate(from.len());
        }
        let mut done = vec![false; from.len()];
        for start in 0..from.len() {
            if done[start] {
                continue;
            }
            let first = *self.get(start);
            let mut at = start;
            loop {
                done[at] = true;
                let next = from[at] as usize;
                if next == start {
                    self.set(at, first);
                    break;
                }
                let item = *self.get(next);
                self.set(at, item);
                at = next;
            }
        }
        self.shrink();
    }

    fn truncate(&mut self, len: usize) {
        self.pieces.truncate(len.div_ceil(PIECE));
        if let Some(last) = self.pieces.last_mut() {
            last.truncate(len - (len - 1) / PIECE * PIECE);
        }
        self.len = len;
    }

    /// Gives back spare room.
    pub(super) fn shrink(&mut self) {
        if let Some(last) = self.pieces.last_mut() {
            last.shrink_to_fit();
        }
        self.pieces.shrink_to_fit();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let list = self.pieces.capacity() * size_of::<Vec<T>>();
        list + self.pieces.iter().map(|piece| piece.capacity() * size_of::<T>()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rearranging_keeps_what_is_named_in_its_order() {
        let mut array = Chunked::with_room(0);
        for item in 0..10_000u32 {
            array.push(item);
        }
        let mut from: Vec<u32> = (0..10_000).filter(|at| at % 7 != 3).map(|at| (at * 7919) % 10_000).collect();
        let expected = from.clone();
        array.rearrange(&mut from);
        assert_eq!(array.len(), expected.len());
        assert!((0..expected.len()).all(|at| *array.get(at) == expected[at]));
        array.rearrange(&mut []);
        assert_eq!((array.len(), array.heap_bytes()), (0, 0));
    }
}
