//! Handles: numbers that stand for values.
//!
//! A handle is a slot's place and its generation. It is looked up at each use and never dereferenced, so one that is stale or
//! made up finds nothing instead of somebody else's memory. Nothing here takes a lock: a fork at any moment leaves nothing
//! locked in the child, and threads that open and free handles don't wait for each other.
//!
//! ```text
//! handle   generation (32 bits) | place of the slot (29 bits) | kind (3 bits, odd: never an aligned pointer)
//! word     generation (32 bits) | LIVE | RETIRED | POISONED | callers inside (29 bits)
//! ```

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

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

/// The slot holds a value.
const LIVE: u64 = 1 << 31;
/// The handle is freed; whoever leaves the slot last drops the value.
const RETIRED: u64 = 1 << 30;
/// A caller panicked inside: the value may be half changed.
const POISONED: u64 = 1 << 29;
const CALLERS: u64 = POISONED - 1;
const GENERATION: u32 = 32;

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

/// A table of values behind handles.
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
struct Slot<T> {
    word: AtomicU64,
    /// The number of forks when the handle was made.
    born: AtomicU64,
    /// The next free slot, as in `Stripe::free`.
    next: AtomicU32,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a value is moved in and out by whichever thread makes and frees its handle, hence `Send`; several threads see it
// at once only through `Shared`, which asks for `Sync`. `Exclusive` is given to one caller at a time.
unsafe impl<T: Send> Sync for Slots<T> {}

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
    /// A table whose handles are told from those of others by `kind`: an odd number below 8.
    pub(crate) const fn new(kind: usize) -> Self {
        assert!(kind < 1 << KIND_BITS && kind % 2 == 1);
        Self { kind, stripes: [const { Stripe::new() }; STRIPES] }
    }

    /// Takes a value in; answers its handle, or none if there is no room for another.
    pub(crate) fn insert(&self, value: T, forks: u64) -> Option<usize> {
        let stripe = stripe_of_caller();
        let (place, slot) = self.stripes[stripe].take()?;
        let place = place << STRIPE_BITS | stripe;
        // SAFETY: the slot was taken off the free list or is new: it holds no value, and no handle leads to it.
        unsafe { (*slot.value.get()).write(value) };
        slot.born.store(forks, Ordering::Relaxed);
        let mut added = LIVE;
        if slot.word.load(Ordering::Relaxed) >> GENERATION == 0 {
            added |= first_generation(place) << GENERATION;
        }
        // Added rather than stored: a late caller with a stale handle may be on its way out of the slot.
        let word = slot.word.fetch_add(added, Ordering::AcqRel) + added;
        Some((word >> GENERATION << GENERATION) as usize | place << KIND_BITS | self.kind)
    }

    /// The slot of a handle, if there is one in that place, and the generation that the handle claims.
    fn find(&self, handle: usize) -> Result<(&Slot<T>, u64), Refused> {
        let generation = handle as u64 >> GENERATION << GENERATION;
        if handle & ((1 << KIND_BITS) - 1) != self.kind || generation == 0 {
            return Err(Refused::Closed);
        }
        let place = place_of(handle);
        let slot = self.stripes[place % STRIPES].slot(place >> STRIPE_BITS).ok_or(Refused::Closed)?;
        Ok((slot, generation))
    }

    /// Uses a value alone. A second caller is refused instead of waiting.
    #[inline]
    pub(crate) fn exclusive(&self, handle: usize, forks: u64) -> Result<Exclusive<'_, T>, Refused> {
        let (slot, generation) = self.find(handle)?;
        let idle = generation | LIVE;
        match slot.word.compare_exchange(idle, idle + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Exclusive(Inside { slots: self, slot, place: place_of(handle) })),
            Err(word) => Err(refusal(slot, word, generation, forks)),
        }
    }

    /// Uses a value together with others.
    pub(crate) fn shared(&self, handle: usize) -> Result<Shared<'_, T>, Refused>
    where
        T: Sync,
    {
        let (slot, generation) = self.find(handle)?;
        let fits = |word: u64| word & !CALLERS == generation | LIVE;
        // Looked at first, so that a stale handle does not disturb the slot's present owner.
        if !fits(slot.word.load(Ordering::Relaxed)) {
            return Err(Refused::Closed);
        }
        let inside = Inside { slots: self, slot, place: place_of(handle) };
        if fits(slot.word.fetch_add(1, Ordering::AcqRel)) { Ok(Shared(inside)) } else { Err(Refused::Closed) }
    }

    /// Ends a handle. The value is dropped at once, or by the last caller inside. Answers whether it was a live handle.
    pub(crate) fn retire(&self, handle: usize) -> bool {
        let Ok((slot, generation)) = self.find(handle) else { return false };
        let mut word = slot.word.load(Ordering::Acquire);
        loop {
            if word & !(CALLERS | POISONED) != generation | LIVE {
                return false;
            }
            match slot.word.compare_exchange_weak(word, word | RETIRED, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(other) => word = other,
            }
        }
        drop(self.release(slot, place_of(handle)));
        true
    }

    /// Frees a retired slot that nobody is inside of; gives the value, to be dropped when the slot is done with.
    fn release(&self, slot: &Slot<T>, place: usize) -> Option<T> {
        let word = slot.word.load(Ordering::Acquire);
        if word & (LIVE | RETIRED | CALLERS) != LIVE | RETIRED {
            return None;
        }
        // Whoever takes LIVE away has the value. All who fail saw a caller inside, who will come here himself.
        let taken = word & !(LIVE | POISONED);
        slot.word.compare_exchange(word, taken, Ordering::AcqRel, Ordering::Acquire).ok()?;
        // SAFETY: the slot was live, so it holds a value; nobody is inside, and with LIVE gone nobody gets in.
        let value = unsafe { (*slot.value.get()).assume_init_read() };
        let generation = word >> GENERATION;
        // A slot that has used up its generations stays out of use: an old handle must never fit again.
        if generation < u64::from(u32::MAX) {
            slot.word.fetch_add((1 << GENERATION) - RETIRED, Ordering::AcqRel);
            self.stripes[place % STRIPES].give_back(place >> STRIPE_BITS, slot);
        }
        Some(value)
    }

    /// Uses every value in turn. Those that come meanwhile may be left out.
    pub(crate) fn each(&self, mut call: impl FnMut(&T))
    where
        T: Sync,
    {
        for (number, stripe) in self.stripes.iter().enumerate() {
            let grown = usize::try_from(stripe.grown.load(Ordering::Acquire)).unwrap_or(0);
            for place in 0..grown {
                let Some(slot) = stripe.slot(place) else { continue };
                let generation = slot.word.load(Ordering::Acquire) >> GENERATION << GENERATION;
                let handle = generation as usize | (place << STRIPE_BITS | number) << KIND_BITS | self.kind;
                if let Ok(value) = self.shared(handle) {
                    call(&value);
                }
            }
        }
    }
}

fn place_of(handle: usize) -> usize {
    handle as u32 as usize >> KIND_BITS
}

/// Threads have stacks in different places; a thread that comes from another depth of its stack does no harm.
fn stripe_of_caller() -> usize {
    let here = 0_u8;
    let place = (&raw const here).addr() as u64 >> 16;
    (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - STRIPE_BITS)) as usize
}

/// Slots begin with different generations, so that a handle for one place is not valid by chance in another.
fn first_generation(place: usize) -> u64 {
    u64::from((place as u32).wrapping_mul(0x9E37_79B9) >> 8) + 1
}

#[cold]
fn refusal<T>(slot: &Slot<T>, word: u64, generation: u64, forks: u64) -> Refused {
    if word & !(CALLERS | POISONED) != generation | LIVE {
        Refused::Closed
    } else if word & POISONED != 0 {
        Refused::Poisoned
    } else if slot.born.load(Ordering::Relaxed) == forks {
        Refused::Busy
    } else {
        Refused::Forked
    }
}

/// A caller inside a slot.
struct Inside<'a, T> {
    slots: &'a Slots<T>,
    slot: &'a Slot<T>,
    place: usize,
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let before = self.slot.word.fetch_sub(1, Ordering::AcqRel);
        if before & RETIRED != 0 {
            drop(self.slots.release(self.slot, self.place));
        }
    }
}

/// A value in use by one caller.
pub(crate) struct Exclusive<'a, T>(Inside<'a, T>);

impl<T> Deref for Exclusive<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot is live and this caller is inside, so the value is there and stays; no other caller is.
        unsafe { (*self.0.slot.value.get()).assume_init_ref() }
    }
}

impl<T> DerefMut for Exclusive<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; `Exclusive` was given to this caller only, who borrows it mutably.
        unsafe { (*self.0.slot.value.get()).assume_init_mut() }
    }
}

impl<T> Drop for Exclusive<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.slot.word.fetch_or(POISONED, Ordering::AcqRel);
        }
    }
}

/// A value in use by one of several callers.
pub(crate) struct Shared<'a, T>(Inside<'a, T>);

impl<T> Deref for Shared<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot is live and this caller is inside, so the value is there and stays; shared callers only read it.
        unsafe { (*self.0.slot.value.get()).assume_init_ref() }
    }
}
