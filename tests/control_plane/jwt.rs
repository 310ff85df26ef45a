//! Tokens in the shape of a JWT. Nobody checks the signature, so it only looks like one.

use super::json::{Value, object};
use super::sha256;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn encode(claims: &Value) -> String {
    let header = object([("alg", "HS256".into()), ("typ", "JWT".into())]).to_string();
    let payload = claims.to_string();
    let signed = format!(
        "{}.{}",
        base64url(header.as_bytes()),
        base64url(payload.as_bytes())
    );
    let signature = base64url(&sha256::digest(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// base64url without padding (RFC 4648).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |i| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..=group.len() {
            let index = bits >> (18 - 6 * i) & 0x3f;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}
