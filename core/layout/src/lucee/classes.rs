//! The Java classes that are written: their names, version numbers and fields, as Lucee's own rows have them.

use super::Target;
use super::graph::{SERIALIZABLE, WRITES};

/// A class as a descriptor says it.
pub(super) struct Spec {
    pub name: &'static str,
    /// The serialVersionUID.
    pub version: u64,
    pub flags: u8,
    /// The type's letter, the name, and for objects and arrays the type's name.
    pub fields: &'static [(u8, &'static str, &'static str)],
    pub parent: Option<&'static str>,
}

const PLAIN: u8 = SERIALIZABLE;
const OWN: u8 = SERIALIZABLE | WRITES;
const EXTERNALIZABLE: u8 = 0x0c;

/// The map that Lucee 5.3 to 7.0 keep a session and a struct in; 7.1 reads it.
pub(super) const MAP: &str = "lucee.commons.collection.concurrent.ConcurrentHashMapNullSupport";
pub(super) const SEGMENTS: &str = "[Llucee.commons.collection.concurrent.ConcurrentHashMapNullSupport$Segment;";
pub(super) const SEGMENT: &str = "lucee.commons.collection.concurrent.ConcurrentHashMapNullSupport$Segment";
pub(super) const LOCK_STATE: &str = "java.util.concurrent.locks.ReentrantLock$NonfairSync";
pub(super) const KEY: &str = "lucee.runtime.type.KeyImpl";
pub(super) const ITEM: &str = "lucee.runtime.type.scope.storage.IKStorageScopeItem";
pub(super) const STORED: &str = "lucee.runtime.type.scope.storage.IKStorageValue";
pub(super) const BYTES: &str = "[B";
pub(super) const DOUBLE: &str = "java.lang.Double";
pub(super) const LONG: &str = "java.lang.Long";
pub(super) const BOOLEAN: &str = "java.lang.Boolean";
pub(super) const DECIMAL: &str = "java.math.BigDecimal";
pub(super) const INTEGER: &str = "java.math.BigInteger";
pub(super) const DATE: &str = "lucee.runtime.type.dt.DateTimeImpl";
pub(super) const SPAN: &str = "lucee.runtime.type.dt.TimeSpanImpl";
pub(super) const STRUCT: &str = "lucee.runtime.type.StructImpl";
pub(super) const ARRAY: &str = "lucee.runtime.type.ArrayImpl";
pub(super) const SAFE_LIST: &str = "java.util.Collections$SynchronizedList";
pub(super) const LIST: &str = "java.util.ArrayList";
pub(super) const SAFE_MAP: &str = "java.util.Collections$SynchronizedMap";
pub(super) const LINKED_MAP: &str = "java.util.LinkedHashMap";

const ARRAY_SUPPORT: &str = "lucee.runtime.type.util.ArraySupport";
const ARRAY_SUPPORT_7: u64 = 0xbffc_0aa1_c07c_8479;

const OBJECT: &str = "Ljava/lang/Object;";
const NUMBER: &str = "java.lang.Number";
const LOCK: &str = "java.util.concurrent.locks.ReentrantLock";
const SYNC: &str = "java.util.concurrent.locks.ReentrantLock$Sync";
const QUEUED: &str = "java.util.concurrent.locks.AbstractQueuedSynchronizer";
const OWNABLE: &str = "java.util.concurrent.locks.AbstractOwnableSynchronizer";
const DATE_TIME: &str = "lucee.runtime.type.dt.DateTime";
const JAVA_DATE: &str = "java.util.Date";
const STRUCT_SUPPORT: &str = "lucee.runtime.type.util.StructSupport";
const LIST_AS_ARRAY: &str = "lucee.runtime.type.wrap.ListAsArray";
const SAFE_COLLECTION: &str = "java.util.Collections$SynchronizedCollection";
const HASH_MAP: &str = "java.util.HashMap";

const fn spec(
    name: &'static str,
    version: u64,
    flags: u8,
    fields: &'static [(u8, &'static str, &'static str)],
    parent: Option<&'static str>,
) -> Spec {
    Spec { name, version, flags, fields, parent }
}

const SEGMENTS_FIELD: (u8, &str, &str) =
    (b'[', "segments", "[Llucee/commons/collection/concurrent/ConcurrentHashMapNullSupport$Segment;");

static SPECS: &[Spec] = &[
    spec(MAP, 0x6499_de12_9d87_293d, OWN, &[(b'I', "segmentMask", ""), (b'I', "segmentShift", ""), SEGMENTS_FIELD], None),
    spec(SEGMENTS, 0x7090_dee8_f64a_1fea, PLAIN, &[], None),
    spec(SEGMENT, 0x1f36_4c90_5893_293d, PLAIN, &[(b'F', "loadFactor", "")], Some(LOCK)),
    spec(LOCK, 0x6655_a82c_2cc8_6aeb, PLAIN, &[(b'L', "sync", "Ljava/util/concurrent/locks/ReentrantLock$Sync;")], None),
    spec(LOCK_STATE, 0x6588_32e7_537b_bf0b, PLAIN, &[], Some(SYNC)),
    spec(SYNC, 0xb81e_a294_aa44_5a7c, PLAIN, &[], Some(QUEUED)),
    spec(QUEUED, 0x6655_a843_753f_52e3, PLAIN, &[(b'I', "state", "")], Some(OWNABLE)),
    spec(OWNABLE, 0x33df_afb9_ad6d_6fa9, PLAIN, &[], None),
    spec(KEY, 0x84f9_bf2f_69f4_6f67, EXTERNALIZABLE, &[], None),
    spec(ITEM, 0x8e5f_0889_f5e7_8b4e, PLAIN, &[(b'J', "lastModifed", ""), (b'Z', "removed", ""), (b'L', "value", OBJECT)], None),
    spec(STORED, 0x25dc_767a_5e2f_13f1, PLAIN, &[(b'J', "lastModified", ""), (b'[', "barr", "[B")], None),
    spec(BYTES, 0xacf3_17f8_0608_54e0, PLAIN, &[], None),
    spec(NUMBER, 0x86ac_951d_0b94_e08b, PLAIN, &[], None),
    spec(DOUBLE, 0x80b3_c24a_296b_fb04, PLAIN, &[(b'D', "value", "")], Some(NUMBER)),
    spec(LONG, 0x3b8b_e490_cc8f_23df, PLAIN, &[(b'J', "value", "")], Some(NUMBER)),
    spec(BOOLEAN, 0xcd20_7280_d59c_faee, PLAIN, &[(b'Z', "value", "")], None),
    spec(DECIMAL, 0x54c7_1557_f981_284f, OWN, &[(b'I', "scale", ""), (b'L', "intVal", "Ljava/math/BigInteger;")], Some(NUMBER)),
    spec(
        INTEGER,
        0x8cfc_9f1f_a93b_fb1d,
        OWN,
        &[
            (b'I', "bitCount", ""),
            (b'I', "bitLength", ""),
            (b'I', "firstNonzeroByteNum", ""),
            (b'I', "lowestSetBit", ""),
            (b'I', "signum", ""),
            (b'[', "magnitude", "[B"),
        ],
        Some(NUMBER),
    ),
    spec(DATE, 0x11df_d2ae_b468_119e, PLAIN, &[], Some(DATE_TIME)),
    spec(DATE_TIME, 0x1f32_b26b_6969_e6bf, PLAIN, &[], Some(JAVA_DATE)),
    spec(JAVA_DATE, 0x686a_8101_4b59_7419, OWN, &[], None),
    spec(
        SPAN,
        0x8cc9_b4e1_490b_586b,
        PLAIN,
        &[
            (b'J', "day", ""),
            (b'I', "hour", ""),
            (b'I', "milli", ""),
            (b'I', "minute", ""),
            (b'I', "second", ""),
            (b'D', "value", ""),
            (b'J', "valueMillis", ""),
        ],
        None,
    ),
    spec(STRUCT, 0x13bb_0f25_214a_e4b9, PLAIN, &[(b'I', "type", ""), (b'L', "map", "Ljava/util/Map;")], Some(STRUCT_SUPPORT)),
    spec(STRUCT_SUPPORT, 0x6729_b289_1839_85e3, PLAIN, &[], None),
    spec(ARRAY, 0xaa1f_d416_b456_71e3, PLAIN, &[], Some(LIST_AS_ARRAY)),
    spec(LIST_AS_ARRAY, 0xd71b_ace6_5a57_1477, PLAIN, &[(b'L', "list", "Ljava/util/List;")], Some(ARRAY_SUPPORT)),
    spec(ARRAY_SUPPORT, 0x437e_78e2_4c37_ca89, PLAIN, &[], None),
    spec(SAFE_LIST, 0x9463_efe3_8344_107c, PLAIN, &[(b'L', "list", "Ljava/util/List;")], Some(SAFE_COLLECTION)),
    spec(SAFE_COLLECTION, 0x2a61_f84d_099c_99b5, OWN, &[(b'L', "c", "Ljava/util/Collection;"), (b'L', "mutex", OBJECT)], None),
    spec(LIST, 0x7881_d21d_99c7_619d, OWN, &[(b'I', "size", "")], None),
    spec(SAFE_MAP, 0x1b73_f909_4b4b_397b, OWN, &[(b'L', "m", "Ljava/util/Map;"), (b'L', "mutex", OBJECT)], None),
    spec(LINKED_MAP, 0x34c0_4e5c_106c_c0fb, PLAIN, &[(b'Z', "accessOrder", "")], Some(HASH_MAP)),
    spec(HASH_MAP, 0x0507_dac1_c316_60d1, OWN, &[(b'F', "loadFactor", ""), (b'I', "threshold", "")], None),
];

/// The class `name`; all that are asked for are in the table.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == name)
}

/// The serialVersionUID of a class in the Lucee that is written for.
pub(super) fn version(spec: &Spec, target: Target) -> u64 {
    if spec.name == ARRAY_SUPPORT && target == Target::Lucee70 { ARRAY_SUPPORT_7 } else { spec.version }
}
