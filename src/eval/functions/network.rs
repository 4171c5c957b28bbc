//! CIDR arithmetic, IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Builtin, OBJECT, STRING, int, pure, text};
use crate::eval::context::Context;
use crate::eval::value::{Members, Value};
use crate::model::Ident;

pub(super) const TABLE: &[Builtin] = &[
    pure("cidrSubnet", STRING, 3..=3, subnet),
    pure("cidrHost", STRING, 2..=2, host),
    pure("parseCidr", OBJECT, 1..=1, parse),
];

/// A network: its first address as a number, its prefix length, and the width of its addresses (32 or 128).
struct Network {
    first: u128,
    prefix: u32,
    width: u32,
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        // Without a prefix Azure takes that of the address's class.
        let (bits, width, class) = match address.parse().ok()? {
            IpAddr::V4(address) => {
                let class = match address.octets()[0] {
                    0..128 => 8,
                    128..192 => 16,
                    _ => 24,
                };
                (u128::from(u32::from(address)), 32, class)
            }
            IpAddr::V6(address) => (u128::from(address), 128, 64),
        };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= width)?,
            None => class,
        };
        let mut network = Network {
            first: bits,
            prefix,
            width,
        };
        network.first &= !network.hosts();
        Some(network)
    }

    /// A mask of the bits that distinguish hosts.
    fn hosts(&self) -> u128 {
        match self.width - self.prefix {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    /// `None` for what .NET writes as an embedded IPv4 address.
    fn show(&self, address: u128) -> Option<String> {
        match u32::try_from(address) {
            Ok(address) if self.width == 32 => Some(Ipv4Addr::from(address).to_string()),
            Ok(address) if address > 0xffff => None,
            _ => Some(Ipv6Addr::from(address).to_string()),
        }
    }

    fn last(&self) -> u128 {
        self.first | self.hosts()
    }
}

fn subnet(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let network = Network::read(text(values, 0)?)?;
    let prefix = u32::try_from(int(values, 1)?).ok()?;
    let index = u128::try_from(int(values, 2)?).ok()?;
    if prefix < network.prefix || prefix > network.width {
        return None;
    }
    let step = network.width - prefix;
    let offset = match step {
        128 => 0,
        step => index.checked_mul(1 << step)?,
    };
    let first = network.first.checked_add(offset)?;
    if first > network.last() {
        return None;
    }
    Some(Value::string(format!("{}/{prefix}", network.show(first)?)))
}

/// Host 0 is the address after the network's own; the broadcast address is none.
fn host(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let network = Network::read(text(values, 0)?)?;
    let index = i32::try_from(int(values, 1)?).ok()?;
    let offset = u128::try_from(i64::from(index) + 1).ok()?;
    let address = network.first.checked_add(offset)?;
    let usable = match network.width {
        32 => address < network.last(),
        _ => address <= network.last(),
    };
    usable.then(|| network.show(address).map(Value::string))?
}

fn parse(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let network = Network::read(text(values, 0)?)?;
    let mut members = Members::default();
    let mut add = |name: &str, value: Value| {
        members.insert(Ident::from(name), value);
    };
    let mask = match network.width {
        32 => !network.hosts() & u128::from(u32::MAX),
        _ => !network.hosts(),
    };
    add("network", Value::string(network.show(network.first)?));
    add("netmask", Value::string(network.show(mask)?));
    if network.width == 32 {
        add("broadcast", Value::string(network.show(network.last())?));
    }
    // IPv6 has no broadcast address, and its network address can be used.
    let (first, last) = match (network.width, network.prefix) {
        (32, 32) => return None,
        (32, 31) => (network.first, network.first),
        (32, _) => (network.first + 1, network.last() - 1),
        _ => (network.first, network.last()),
    };
    add("firstUsable", Value::string(network.show(first)?));
    add("lastUsable", Value::string(network.show(last)?));
    add("cidr", Value::int(i64::from(network.prefix)));
    Some(Value::object(members, None))
}
