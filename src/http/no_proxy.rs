//! The hosts that bypass the proxy, as curl reads `no_proxy`.

use std::net::IpAddr;

use super::target::split_port;

/// Whether the name is always this machine's (RFC 6761): no name server or proxy is asked, which might
/// know another.
pub(crate) fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether the host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    is_localhost(host) || parse_ip(host.trim_end_matches('.')).is_some_and(|ip| ip.is_loopback())
}

/// Whether `list` names the host (in lower case, without brackets).
///
/// Entries are separated by commas or blanks: `*`, a domain with its subdomains (a leading dot or
/// `*.` makes no difference), an address, a block of addresses (`10.0.0.0/8`); all but the last
/// with or without a port.
pub(super) fn listed(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.');
    list.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(&entry.to_ascii_lowercase(), host, port))
}

fn matches(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let ip = parse_ip(host);
    if let Some((block, bits)) = entry.split_once('/') {
        return ip.is_some_and(|ip| in_block(ip, block, bits));
    }
    let name = match split_port(entry) {
        Some((name, wanted)) if wanted.is_none_or(|wanted| wanted == port) => name,
        _ => return false,
    };
    if let Some(ip) = ip {
        return parse_ip(bare(name)) == Some(ip);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = name.trim_start_matches('.').trim_end_matches('.');
    !name.is_empty()
        && host.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn bare(name: &str) -> &str {
    name.trim_start_matches('[').trim_end_matches(']')
}

/// An address; an IPv4-mapped IPv6 address becomes the IPv4 address.
fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

fn in_block(ip: IpAddr, block: &str, bits: &str) -> bool {
    let (Some(block), Ok(bits)) = (parse_ip(bare(block)), bits.parse::<u32>()) else {
        return false;
    };
    let number = |ip| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let length = if ip.is_ipv4() { 32 } else { 128 };
    let differ = number(ip) ^ number(block);
    block.is_ipv4() == ip.is_ipv4()
        && bits <= length
        && differ.checked_shr(length - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        for (list, host, port, direct) in [
            ("*", "a.b", 1, true),
            ("a.b", "a.b", 1, true),
            (".a.b", "a.b", 1, true),
            ("*.a.b", "x.a.b", 1, true),
            ("a.b", "x.y.a.b", 1, true),
            ("A.B.", "a.b", 1, true),
            ("a.b", "a.b.", 1, true),
            ("a.b", "xa.b", 1, false),
            ("a.b", "b", 1, false),
            ("a.b:8", "a.b", 8, true),
            ("a.b:8", "a.b", 9, false),
            ("x, a.b ,y", "a.b", 1, true),
            ("x a.b", "a.b", 1, true),
            ("x\ta.b", "a.b", 1, true),
            (",", "a.b", 1, false),
            ("", "a.b", 1, false),
            (".", "a.b", 1, false),
            ("10.1.2.3", "10.1.2.3", 1, true),
            ("2.3", "10.1.2.3", 1, false),
            ("10.1.2.3:7", "10.1.2.3", 7, true),
            ("10.0.0.0/8", "10.1.2.3", 1, true),
            ("10.0.0.0/8", "11.1.2.3", 1, false),
            ("10.1.2.2/31", "10.1.2.3", 1, true),
            ("10.1.2.2/32", "10.1.2.3", 1, false),
            ("9.9.9.9/0", "10.1.2.3", 1, true),
            ("10.0.0.0/33", "10.1.2.3", 1, false),
            ("10.0.0.0/x", "10.1.2.3", 1, false),
            ("10.0.0.0/8", "a.b", 1, false),
            ("fe80::1", "fe80::1", 1, true),
            ("[fe80::1]", "fe80::1", 1, true),
            ("[fe80::1]:8", "fe80::1", 8, true),
            ("[fe80::1]:8", "fe80::1", 9, false),
            ("fe80:0:0::1", "fe80::1", 1, true),
            ("fe80::/10", "fe80::1", 1, true),
            ("fe80::/10", "fd00::1", 1, false),
            ("::/0", "fd00::1", 1, true),
            ("10.0.0.0/8", "fd00::1", 1, false),
        ] {
            assert_eq!(listed(list, host, port), direct, "{list} {host}:{port}");
        }
    }

    #[test]
    fn loopback() {
        for host in [
            "localhost",
            "localhost.",
            "my.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["localhost.evil.example", "mylocalhost", "128.0.0.1", "::2", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
