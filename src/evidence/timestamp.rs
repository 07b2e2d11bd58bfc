//! Time stamps of RFC 3161: the request for the SHA-256 of a manifest, and as much of the answer as shows whether it was granted. The token
//! itself is kept unopened: `openssl ts -verify` checks it.

use super::merkle::Hash;

/// The content type of a request.
pub const QUERY: &str = "application/timestamp-query";
/// The content type of an answer.
pub const REPLY: &str = "application/timestamp-reply";
/// The largest answer that is kept, in bytes: one with its certificates has some thousands.
pub const LARGEST: usize = 1 << 18;

/// A request before the hash: a sequence with version 1 and the imprint, whose algorithm is SHA-256.
const BEFORE: &[u8] = &[
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
/// After it: the token shall have the certificates with which it is checked.
const AFTER: &[u8] = &[0x01, 0x01, 0xff];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// The request for a time stamp of something with this SHA-256.
pub fn request(hash: &Hash) -> Vec<u8> {
    [BEFORE, hash, AFTER].concat()
}

/// Whether an answer grants a time stamp of this hash.
///
/// # Errors
/// What the answer is instead.
pub fn granted_for(answer: &[u8], hash: &Hash) -> Result<(), String> {
    let unread = || "the answer is no time stamp of RFC 3161".to_owned();
    if answer.len() > LARGEST {
        return Err(format!("the answer has {} bytes, and a time stamp at most {LARGEST}", answer.len()));
    }
    let mut rest = answer;
    let mut body = value(&mut rest, SEQUENCE).filter(|_| rest.is_empty()).ok_or_else(unread)?;
    let mut status = value(&mut body, SEQUENCE).ok_or_else(unread)?;
    let [status] = value(&mut status, INTEGER).ok_or_else(unread)? else { return Err(unread()) };
    // granted, or granted with changes
    if *status > 1 {
        return Err(format!("the time-stamping authority refused it (status {status} of RFC 3161)"));
    }
    let token = value(&mut body, SEQUENCE).filter(|token| !token.is_empty() && body.is_empty()).ok_or_else(unread)?;
    if !token.windows(hash.len()).any(|part| part == hash) {
        return Err(format!("the time stamp is not of the SHA-256 {}", hex::encode(hash)));
    }
    Ok(())
}

/// Takes the next value if it is of this kind.
fn value<'a>(from: &mut &'a [u8], kind: u8) -> Option<&'a [u8]> {
    let [found, length, rest @ ..] = *from else { return None };
    if *found != kind {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // the number of bytes of the length
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with this status and token.
    fn answer(status: u8, token: &[u8]) -> Vec<u8> {
        let mut body = vec![SEQUENCE, 3, INTEGER, 1, status];
        if !token.is_empty() {
            body.extend([&[SEQUENCE, 0x81, u8::try_from(token.len()).unwrap()], token].concat());
        }
        [&[SEQUENCE, 0x82, 0, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    }

    #[test]
    fn a_request_is_the_one_of_openssl() {
        // openssl ts -query -digest 0102…20 -sha256 -no_nonce -cert
        let hash: Hash = std::array::from_fn(|at| at as u8 + 1);
        let request = request(&hash);
        assert_eq!(request.len(), 0x39 + 2);
        assert_eq!(hex::encode(&request[..24]), "30390201013031300d060960864801650304020105000420");
        assert_eq!(hex::encode(&request[56..]), "0101ff");
    }

    #[test]
    fn only_a_granted_stamp_of_the_same_hash_counts() {
        let hash = [7; 32];
        let token = [&[1, 2, 3][..], &hash, &[4]].concat();
        assert_eq!(granted_for(&answer(0, &token), &hash), Ok(()));
        assert_eq!(granted_for(&answer(1, &token), &hash), Ok(()));
        assert!(granted_for(&answer(0, &token), &[8; 32]).unwrap_err().contains("not of the SHA-256"));
        assert!(granted_for(&answer(2, b""), &hash).unwrap_err().contains("status 2"));
        assert!(granted_for(&answer(0, b""), &hash).unwrap_err().contains("no time stamp"));
        for wrong in [
            &b""[..],
            b"<html>",
            &answer(0, &token)[1..],
            &[answer(0, &token), vec![0]].concat(),
            &[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(granted_for(wrong, &hash).unwrap_err().contains("no time stamp"), "{wrong:?}");
        }
    }

    #[test]
    fn fuzz_time_stamps() {
        use crate::fuzz::{Target, fuzz};
        let hash = [7; 32];
        let seeds = vec![answer(0, &[&[1][..], &hash].concat()), answer(2, b"")];
        fuzz(Target { name: "time_stamp", words: &["0", "\u{2}", "\u{1}", "0\u{3}"], seeds, tries: 5_000 }, |input| {
            match granted_for(input, &hash) {
                Ok(()) => "granted".to_owned(),
                Err(problem) => problem.chars().filter(|c| c.is_alphabetic()).take(20).collect(),
            }
        });
    }
}
