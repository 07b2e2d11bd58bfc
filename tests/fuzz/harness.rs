//! Fuzzing with the stable compiler: inputs from a corpus, changed at random, for the code that reads answers, files and requests of
//! others.
//!
//! A target is a unit test that calls [`fuzz`]. Its seeds are in `tests/fuzz/corpus/TARGET`, one input per file: realistic valid ones,
//! invalid ones, and every one that has ever failed. `make test` tries a fixed number of inputs made from a fixed seed. `make fuzz` runs
//! for a given time, each time with another seed. An input with a new outcome is added to the pool, so that its variants are tried, too.
//!
//! A target fails on a panic, on an end of the process (the input is then in `target/fuzz/TARGET/running`), on more than [`LIMIT`] for one
//! input, and on more memory than [`MEMORY`] in total. The target itself checks everything else.

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time limit for one input, in a build without optimization, on a busy machine.
const LIMIT: Duration = Duration::from_secs(5);
/// The most MiB by which the process may grow.
const MEMORY: u64 = 384;
/// The longest input.
const LONGEST: usize = 64 << 10;
/// The most inputs that are kept for their outcome.
const KEPT: usize = 2000;

/// A directory below the repository, whichever package is tested.
fn place(parts: &[&str]) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|path| path.join("tests/fuzz").is_dir()).expect("the repository");
    parts.iter().fold(root.to_owned(), |path, part| path.join(part))
}

/// The texts of a directory's files, in the order of their names; empty if there is no such directory.
pub(crate) fn files(parts: &[&str]) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(place(parts)).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().filter(|path| path.is_file()).map(|path| fs::read(path).expect("a seed can be read")).collect()
}

/// What to fuzz.
pub(crate) struct Target<'a> {
    /// The name of its corpus directory.
    pub(crate) name: &'a str,
    /// Words of the format.
    pub(crate) words: &'a [&'a str],
    /// Further seeds.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Inputs in `make test`.
    pub(crate) tries: u32,
}

/// Tries the seeds and their variants. `examine` returns the outcome as text, and panics when a check fails.
pub(crate) fn fuzz(target: Target<'_>, mut examine: impl FnMut(&[u8]) -> String) {
    let mut pool = files(&["tests", "fuzz", "corpus", target.name]);
    assert!(!pool.is_empty(), "tests/fuzz/corpus/{} has no input", target.name);
    pool.extend(target.seeds);
    let time =
        std::env::var("TIELINE_FUZZ_SECONDS").ok().map(|text| Duration::from_secs(text.parse().expect("TIELINE_FUZZ_SECONDS is a number")));
    let seed = std::env::var("TIELINE_FUZZ_SEED").ok().map(|text| text.parse().expect("TIELINE_FUZZ_SEED is a number"));
    let seed = seed.unwrap_or(if time.is_some() { fastrand::u64(..) } else { 7 });
    let mut random = fastrand::Rng::with_seed(seed);
    let (began, before) = (Instant::now(), largest());
    let (mut outcomes, mut slowest, mut tried) = (HashSet::new(), Duration::ZERO, 0_u64);
    let folder = place(&["target", "fuzz", target.name]);
    fs::create_dir_all(&folder).expect("a directory for inputs");
    let running = folder.join("running");
    let mut attempt = |input: &[u8]| {
        fs::write(&running, input).expect("the input is kept");
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| examine(input)));
        let mut took = began.elapsed();
        if outcome.is_ok() && took > LIMIT {
            // a busy machine is not the input's fault
            let again = Instant::now();
            let _ = catch_unwind(AssertUnwindSafe(|| examine(input)));
            took = took.min(again.elapsed());
        }
        slowest = slowest.max(took);
        tried += 1;
        let problem = match outcome {
            Err(_) => Some("it panics, see above".to_owned()),
            Ok(_) if took > LIMIT => Some(format!("it takes {took:?}")),
            Ok(_) if largest().saturating_sub(before) > MEMORY => Some(format!("the process has grown by {} MiB", largest() - before)),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            let kept = folder.join(format!("{:016x}", fnv(input)));
            fs::write(&kept, input).expect("the input is kept");
            panic!(
                "fuzz: {} (seed {seed}, try {tried}): {problem}\nthe input is in {}; put it into tests/fuzz/corpus/{} once it is corrected",
                target.name,
                kept.display(),
                target.name
            );
        }
        outcomes.insert(kind(&outcome.unwrap_or_default()))
    };
    for input in &pool {
        attempt(input);
    }
    let mut made = 0_u32;
    while time.map_or(made < target.tries, |time| began.elapsed() < time) {
        made += 1;
        let input = changed(&pool, target.words, &mut random);
        if attempt(&input) && pool.len() < KEPT && input.len() <= LONGEST / 8 {
            pool.push(input);
        }
    }
    let _ = fs::remove_file(&running);
    println!(
        "fuzz: {}: {tried} inputs in {:.1?}, {} outcomes, the slowest took {slowest:.1?}, the process grew by {} MiB, 0 failures (seed {seed})",
        target.name,
        began.elapsed(),
        outcomes.len(),
        largest().saturating_sub(before)
    );
}

/// The peak size of this process so far, in MiB; 0 if the system does not tell.
fn largest() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() >> 10
}

/// An outcome without the parts that differ between inputs: quoted texts, and numbers.
fn kind(outcome: &str) -> String {
    let plain: String = outcome.split(['`', '\'', '"']).step_by(2).collect();
    plain.chars().filter(|letter| !letter.is_ascii_digit()).take(120).collect()
}

fn fnv(input: &[u8]) -> u64 {
    input.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// One input of the pool, changed in one to six places.
fn changed(pool: &[Vec<u8>], words: &[&str], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = pool[random.usize(..pool.len())].clone();
    for _ in 0..random.usize(1..=6) {
        change(&mut input, pool, words, random);
    }
    input.truncate(LONGEST);
    input
}

/// Numbers at which parsers often fail.
const NUMBERS: [&str; 12] = [
    "0",
    "-0",
    "-1",
    "1e999",
    "-1e-999",
    "9223372036854775808",
    "18446744073709551616",
    "79228162514264337593543950336",
    "0.1000000000000000000000000000001",
    "00012",
    "NaN",
    "9999-12-31T23:59:60Z",
];

/// Bytes at which parsers of text often fail.
const PIECES: [&[u8]; 10] = [
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\r\n",
    "\u{202e}".as_bytes(),
    "\u{85}".as_bytes(),
    b"\\u0000",
    b"\\ud83d",
];

/// A number that is more often small than large.
fn many(random: &mut fastrand::Rng) -> usize {
    let most = 1 << random.u8(1..=13);
    random.usize(1..=most)
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str], random: &mut fastrand::Rng) {
    let at = random.usize(..=input.len());
    let end = (at + random.usize(..=1 + input.len() / 4)).min(input.len());
    let insert = |input: &mut Vec<u8>, piece: &[u8]| drop(input.splice(at..at, piece.iter().copied()));
    match random.u8(..11) {
        0 if at < input.len() => input[at] ^= 1 << random.u8(..8),
        1 if at < input.len() => input[at] = random.u8(..),
        2 => drop(input.drain(at..end)),
        3 => input.truncate(at),
        4 => {
            let part = input[at..end].to_vec();
            insert(input, &part);
        }
        // deep, or many
        5 => {
            let part = input[at..end.min(at + 32)].to_vec();
            let times = many(random).min(LONGEST / part.len().max(1));
            insert(input, &part.repeat(times));
        }
        6 if !words.is_empty() => insert(input, words[random.usize(..words.len())].as_bytes()),
        7 => insert(input, PIECES[random.usize(..PIECES.len())]),
        8 => drop(input.splice(at..end, NUMBERS[random.usize(..NUMBERS.len())].bytes())),
        9 if !words.is_empty() => {
            let word = words[random.usize(..words.len())].as_bytes();
            insert(input, &word.repeat(many(random).min(LONGEST / word.len().max(1))));
        }
        _ => {
            let other = &pool[random.usize(..pool.len())];
            let from = random.usize(..=other.len());
            let part = other[from..(from + random.usize(..=other.len() - from)).min(other.len())].to_vec();
            drop(input.splice(at..end, part));
        }
    }
}
