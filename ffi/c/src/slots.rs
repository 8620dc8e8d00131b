//! Handles: numbers that stand for values.
//!
//! A handle is a slot's place and its generation. It is looked up at each use and never dereferenced, so one that is stale or
//! made up finds nothing instead of somebody else's memory. Here is where the slots are; what may be done with a value in
//! one is said by [`crate::alone`] and [`crate::together`]. Nothing takes a lock: a fork at any moment leaves nothing locked
//! in the child, and threads that open and free handles don't wait for each other.
//!
//! ```text
//! handle   generation (32 bits) | place of the slot (29 bits) | kind (3 bits, odd: never an aligned pointer)
//! word     generation (32 bits) | the slot's state (32 bits)
//! ```

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

#[cfg(not(target_pointer_width = "64"))]
compile_error!("a handle is 64 bits in the shape of a pointer: this target has shorter ones");

/// Callers are spread over so many free lists, by where their stack lies.
const STRIPES: usize = 16;
const STRIPE_BITS: u32 = STRIPES.trailing_zeros();
const KIND_BITS: u32 = 3;
const PLACE_BITS: u32 = 32 - KIND_BITS;
/// Slots of the first chunk of a stripe; each further chunk has twice as many.
const FIRST_CHUNK: usize = 32;
const CHUNKS: usize = (PLACE_BITS - STRIPE_BITS - FIRST_CHUNK.trailing_zeros()) as usize;
/// Where the generation begins, in a handle and in a word.
pub(crate) const GENERATION: u32 = 32;

/// Why a handle can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// It was freed, or never was a handle of this kind.
    Closed,
    /// Another thread is inside a call with it.
    Busy,
    /// As `Busy`, in a child of the process where the handle was made: the other thread does not exist here.
    Forked,
    /// A call with it panicked.
    Poisoned,
}

/// The slots of one kind of handle.
pub(crate) struct Slots<T> {
    kind: usize,
    stripes: [Stripe<T>; STRIPES],
}

/// On cache lines of its own, so that threads at work in two stripes don't slow each other down.
#[repr(align(128))]
struct Stripe<T> {
    /// The first free slot (its place in the stripe plus one, or 0), under a count of changes that keeps a thread which was
    /// stopped in the middle of taking a slot from succeeding later with what it saw.
    free: AtomicU64,
    /// How many slots were ever used.
    grown: AtomicU64,
    chunks: [AtomicPtr<Slot<T>>; CHUNKS],
}

/// All zeros is an empty slot.
#[repr(align(64))]
pub(crate) struct Slot<T> {
    pub word: AtomicU64,
    /// The number of forks when the handle was made.
    pub born: AtomicU64,
    /// Somebody waits to free the handle.
    pub doomed: AtomicBool,
    /// The next free slot, as in `Stripe::free`.
    next: AtomicU32,
    pub value: UnsafeCell<MaybeUninit<T>>,
}

/// A slot and where it is.
pub(crate) struct Place<'a, T> {
    pub slot: &'a Slot<T>,
    number: usize,
}

impl<T> Clone for Place<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<'_, T> {}

impl<T> Stripe<T> {
    const fn new() -> Self {
        Self { free: AtomicU64::new(0), grown: AtomicU64::new(0), chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS] }
    }

    /// The chunk of a place in this stripe, and the place in the chunk.
    fn chunk_of(place: usize) -> (usize, usize) {
        let from_first = place + FIRST_CHUNK;
        let chunk = (from_first.ilog2() - FIRST_CHUNK.ilog2()) as usize;
        (chunk, from_first - (FIRST_CHUNK << chunk))
    }

    fn slot(&self, place: usize) -> Option<&Slot<T>> {
        let (chunk, inside) = Self::chunk_of(place);
        let start = self.chunks.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: a chunk that is not null has `FIRST_CHUNK << chunk` slots, is never freed, and all zeros is a valid slot.
        (!start.is_null()).then(|| unsafe { &*start.add(inside) })
    }

    /// Takes a free slot, or makes one.
    fn take(&self) -> Option<(usize, &Slot<T>)> {
        let mut head = self.free.load(Ordering::Acquire);
        while let Some(place) = (head as u32 as usize).checked_sub(1) {
            let slot = self.slot(place)?;
            let next = u64::from(slot.next.load(Ordering::Relaxed));
            let changed = (head >> 32).wrapping_add(1) << 32 | next;
            match self.free.compare_exchange_weak(head, changed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some((place, slot)),
                Err(other) => head = other,
            }
        }
        let place = usize::try_from(self.grown.fetch_add(1, Ordering::Relaxed)).ok()?;
        let (chunk, _) = Self::chunk_of(place);
        self.make_chunk(chunk)?;
        Some((place, self.slot(place)?))
    }

    fn give_back(&self, place: usize, slot: &Slot<T>) {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            slot.next.store(head as u32, Ordering::Relaxed);
            let changed = (head >> 32).wrapping_add(1) << 32 | (place as u64 + 1);
            match self.free.compare_exchange_weak(head, changed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
    }

    fn make_chunk(&self, chunk: usize) -> Option<()> {
        let start = self.chunks.get(chunk)?;
        if !start.load(Ordering::Acquire).is_null() {
            return Some(());
        }
        let layout = Layout::array::<Slot<T>>(FIRST_CHUNK << chunk).ok()?;
        // SAFETY: a slot has a size, so the layout is not empty.
        let made = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let stored = start.compare_exchange(ptr::null_mut(), made.as_ptr().cast(), Ordering::AcqRel, Ordering::Acquire);
        if stored.is_err() {
            // SAFETY: another thread was first; this chunk was allocated above with this layout, and nobody else knows it.
            unsafe { dealloc(made.as_ptr(), layout) };
        }
        Some(())
    }
}

impl<T> Slots<T> {
    /// Slots whose handles are told from those of others by `kind`: an odd number below 8.
    pub(crate) const fn new(kind: usize) -> Self {
        assert!(kind < 1 << KIND_BITS && kind % 2 == 1);
        Self { kind, stripes: [const { Stripe::new() }; STRIPES] }
    }

    /// Takes a slot that is free: it holds no value, and no handle leads to it.
    #[inline]
    pub(crate) fn take(&self) -> Option<Place<'_, T>> {
        let stripe = stripe_of_caller();
        let (place, slot) = self.stripes[stripe].take()?;
        Some(Place { slot, number: place << STRIPE_BITS | stripe })
    }

    /// Gives a slot back. Its value is gone, and its word has another generation than its old handle.
    #[inline]
    pub(crate) fn give_back(&self, place: Place<'_, T>) {
        self.stripes[place.number % STRIPES].give_back(place.number >> STRIPE_BITS, place.slot);
    }

    /// The slot in a handle's place, and the generation that the handle claims, where a word has it.
    #[inline]
    pub(crate) fn find(&self, handle: usize) -> Result<(Place<'_, T>, u64), Refused> {
        let generation = handle as u64 >> GENERATION << GENERATION;
        if handle & ((1 << KIND_BITS) - 1) != self.kind || generation == 0 {
            return Err(Refused::Closed);
        }
        let number = handle as u32 as usize >> KIND_BITS;
        let slot = self.stripes[number % STRIPES].slot(number >> STRIPE_BITS).ok_or(Refused::Closed)?;
        Ok((Place { slot, number }, generation))
    }

    /// The handle of a slot whose word has this generation.
    #[inline]
    pub(crate) fn handle(&self, place: Place<'_, T>, word: u64) -> usize {
        (word >> GENERATION << GENERATION) as usize | place.number << KIND_BITS | self.kind
    }

    /// Every slot that was ever used.
    pub(crate) fn each(&self, mut call: impl FnMut(Place<'_, T>)) {
        for (number, stripe) in self.stripes.iter().enumerate() {
            let grown = usize::try_from(stripe.grown.load(Ordering::Acquire)).unwrap_or(0);
            for place in 0..grown {
                if let Some(slot) = stripe.slot(place) {
                    call(Place { slot, number: place << STRIPE_BITS | number });
                }
            }
        }
    }
}

impl<T> Place<'_, T> {
    /// The generation that a slot begins with. Slots begin with different ones, so that a handle for one place is not valid
    /// by chance in another; and none with 1, so that no small number made up is one.
    pub(crate) fn first_generation(self) -> u64 {
        u64::from((self.number as u32).wrapping_add(1).wrapping_mul(0x9E37_79B9) >> 8) + 1
    }
}

/// Threads have stacks in different places; a thread that comes from another depth of its stack does no harm.
#[inline]
fn stripe_of_caller() -> usize {
    let here = 0_u8;
    let place = (&raw const here).addr() as u64 >> 16;
    (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - STRIPE_BITS)) as usize
}
