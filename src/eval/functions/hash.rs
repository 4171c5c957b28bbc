//! `guid` and `uniqueString`: pure functions of their arguments.

use super::{Builtin, MANY, STRING, partial};
use crate::eval::context::Context;
use crate::eval::merge::why_unknown;
use crate::eval::value::Value;

pub(super) const TABLE: &[Builtin] = &[
    partial("guid", STRING, 1..=MANY, |cx, v| hashed(cx, v, guid)),
    partial("uniqueString", STRING, 1..=MANY, |cx, v| {
        hashed(cx, v, unique_string)
    }),
];

/// The namespace of Azure's name-based identifiers.
const NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x11fb06fb_712d_4ddd_98c7_e71bbd588830);

/// Hashes the arguments joined by `-`; of unknown arguments the result is unknown, but not empty.
fn hashed(cx: &Context<'_>, values: &[Value], hash: fn(&str) -> String) -> Option<Value> {
    if let Some(reason) = values.iter().find_map(why_unknown) {
        return Some(Value::unknown_of(reason, STRING).non_empty());
    }
    let parts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let joined = parts?.join("-");
    cx.spend(joined.len() / 32)
        .then(|| Value::string(hash(&joined)))
}

fn guid(text: &str) -> String {
    uuid::Uuid::new_v5(&NAMESPACE, text.as_bytes()).to_string()
}

/// A 64-bit variant of MurmurHash3, written in base 32.
fn unique_string(text: &str) -> String {
    let hash = murmur(text.as_bytes());
    let digit = |i: u32| b"abcdefghijklmnopqrstuvwxyz234567"[(hash >> (59 - 5 * i) & 31) as usize];
    // The thirteenth digit holds the last four bits.
    let last = b"abcdefghijklmnopqrstuvwxyz234567"[(hash << 1 & 31) as usize];
    (0..12).map(digit).chain([last]).map(char::from).collect()
}

fn murmur(bytes: &[u8]) -> u64 {
    const C1: u32 = 0x239b_961b;
    const C2: u32 = 0xab0e_9789;
    let (mut h1, mut h2) = (0u32, 0u32);
    let lane = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(word)
    };
    let mix1 = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let mix2 = |k: u32| k.wrapping_mul(C2).rotate_left(17).wrapping_mul(C1);
    let mut blocks = bytes.chunks_exact(8);
    for block in &mut blocks {
        let (first, second) = block.split_at(4);
        h1 = (h1 ^ mix1(lane(first))).rotate_left(19).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x561c_cd1b);
        h2 = (h2 ^ mix2(lane(second))).rotate_left(13).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x0bca_a747);
    }
    let tail = blocks.remainder();
    let (first, second) = tail.split_at(tail.len().min(4));
    h2 ^= mix2(lane(second));
    h1 ^= mix1(lane(first));
    h1 ^= bytes.len() as u32;
    h2 ^= bytes.len() as u32;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    let finish = |mut h: u32| {
        h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
        h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
        h ^ h >> 16
    };
    (h1, h2) = (finish(h1), finish(h2));
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    u64::from(h2) << 32 | u64::from(h1)
}
