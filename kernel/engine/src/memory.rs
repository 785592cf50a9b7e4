//! Memory that all cores work in.

use crate::Error;
use core::ops::Range;

/// Gives page-aligned memory that lives forever; `None` where there is none.
pub(crate) type Alloc<'a> = &'a mut dyn FnMut(usize) -> Option<&'static mut [u8]>;

/// Asks for memory in large pieces and hands it out in small ones: whoever gives it may round each piece up to megabytes.
pub(crate) struct Arena<'a> {
    source: Alloc<'a>,
    rest: &'static mut [u8],
}

impl<'a> Arena<'a> {
    /// Bytes asked for at once.
    const PIECE: usize = 2 << 20;
    /// What is handed out begins at a multiple of this: a cache line, so that cores do not share one by accident.
    const LINE: usize = 64;

    pub(crate) fn new(source: Alloc<'a>) -> Arena<'a> {
        Arena { source, rest: &mut [] }
    }

    pub(crate) fn alloc(&mut self, bytes: usize) -> Option<&'static mut [u8]> {
        let wanted = bytes.checked_next_multiple_of(Self::LINE)?;
        if wanted > self.rest.len() {
            if wanted >= Self::PIECE {
                return (self.source)(bytes);
            }
            let Some(piece) = (self.source)(Self::PIECE) else { return (self.source)(bytes) };
            self.rest = piece;
        }
        let (taken, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(wanted)?;
        self.rest = rest;
        taken.get_mut(..bytes)
    }
}

/// An array that several cores write at once, each a part of its own. Which part is whose is decided by the forward pass.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: a `Shared` gives out memory through unsafe functions only, whose callers answer for who reads and writes what.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Types of which every bit pattern is a value.
pub(crate) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for i8 {}
impl Plain for i32 {}
impl Plain for u64 {}
impl Plain for f32 {}

impl<T: Plain> Shared<T> {
    /// An array of `len` elements, whatever they contain.
    pub(crate) fn new(len: usize, what: &'static str, alloc: Alloc<'_>) -> Result<Shared<T>, Error> {
        let bytes = len.checked_mul(size_of::<T>()).filter(|n| *n <= isize::MAX as usize).ok_or(Error::TooLarge(what))?;
        if bytes == 0 {
            return Ok(Shared { start: core::ptr::NonNull::dangling().as_ptr(), len: 0 });
        }
        let region = alloc(bytes).filter(|r| r.len() >= bytes).ok_or(Error::NoMemory { what, bytes })?;
        let start = region.as_mut_ptr().cast::<T>();
        assert!(start.is_aligned(), "the allocator gave unaligned memory");
        Ok(Shared { start, len })
    }

    /// All of it, for whoever has the only one.
    pub(crate) fn leak(self) -> &'static mut [T] {
        // SAFETY: `new` took the memory for ever, and nobody else can have it any more.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.len) }
    }

    /// Elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// # Safety
    /// Nobody writes these elements while the slice lives.
    #[inline]
    pub(crate) unsafe fn get(&self, range: Range<usize>) -> &[T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: inside the array, as asserted; the caller answers for the rest.
        unsafe { core::slice::from_raw_parts(self.start.add(range.start), range.end - range.start) }
    }

    /// # Safety
    /// Nobody else reads or writes these elements while the slice lives.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn get_mut(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: inside the array, as asserted; the caller answers for the rest.
        unsafe { core::slice::from_raw_parts_mut(self.start.add(range.start), range.end - range.start) }
    }

    /// Where element `at` is, for outputs that are written row by row.
    pub(crate) fn pointer(&self, at: usize) -> *mut T {
        assert!(at <= self.len);
        self.start.wrapping_add(at)
    }
}

/// Part `part` of `count` things in `parts` parts, cut at multiples of `grain`.
pub(crate) fn share(count: usize, grain: usize, part: usize, parts: usize) -> Range<usize> {
    let grains = count.div_ceil(grain);
    let cut = |n: usize| (grains * n / parts * grain).min(count);
    cut(part)..cut(part + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_everything_once() {
        for count in [0, 1, 31, 32, 33, 172, 4096] {
            for grain in [1, 8, 32] {
                for parts in 1..9 {
                    let mut next = 0;
                    for part in 0..parts {
                        let range = share(count, grain, part, parts);
                        assert_eq!(range.start, next);
                        assert!(range.end == count || range.end.is_multiple_of(grain));
                        next = range.end;
                    }
                    assert_eq!(next, count);
                }
            }
        }
    }

    #[test]
    fn small_requests_share_a_piece() {
        let mut asked = std::vec::Vec::new();
        let mut source = |n| {
            asked.push(n);
            crate::tests::alloc(n)
        };
        let mut arena = Arena::new(&mut source);
        let parts: std::vec::Vec<_> = [100, 1 << 20, 64, 3 << 20, 1].map(|n| arena.alloc(n).unwrap()).into_iter().collect();
        assert!(parts.iter().all(|p| (p.as_ptr() as usize).is_multiple_of(64)));
        assert_eq!(parts.iter().map(|p| p.len()).collect::<std::vec::Vec<_>>(), [100, 1 << 20, 64, 3 << 20, 1]);
        let ranges: std::vec::Vec<_> = parts.iter().map(|p| p.as_ptr_range()).collect();
        for (n, a) in ranges.iter().enumerate() {
            assert!(ranges[..n].iter().all(|b| a.end <= b.start || b.end <= a.start));
        }
        assert!(arena.alloc(usize::MAX).is_none());
        assert_eq!(asked, [2 << 20, 3 << 20]);
    }

    #[test]
    fn refusals_say_what_for() {
        let refused = Shared::<f32>::new(10, "a test", &mut |_| None).unwrap_err();
        assert_eq!(refused, Error::NoMemory { what: "a test", bytes: 40 });
        assert_eq!(Shared::<f32>::new(usize::MAX, "a test", &mut |_| None).unwrap_err(), Error::TooLarge("a test"));
    }
}
