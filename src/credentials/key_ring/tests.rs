//! The key ring on files of a real directory.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn place(directory: &tempfile::TempDir) -> KeyPlace {
    KeyPlace::new(&directory.path().join("state/master.key"), None)
}

#[test]
fn the_first_use_makes_a_private_file_that_later_uses_read() {
    let directory = tempfile::tempdir().expect("directory");
    let ring = KeyRing::load(place(&directory), Ciphertexts::None).expect("made");
    let mode = fs::metadata(ring.place.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let encrypted = ring.encrypt("servicenow", "client", "s3cret").expect("sealed");
    assert_eq!(encrypted.nonce.len(), 24);
    assert_ne!(ring.encrypt("servicenow", "client", "s3cret").expect("sealed"), encrypted, "a nonce was used twice");
    let again = KeyRing::load(place(&directory), Ciphertexts::Stored).expect("read");
    assert_eq!(again.decrypt("servicenow", "client", &encrypted).expect("opened").expose_secret(), "s3cret");
    assert_eq!(fs::read_dir(directory.path().join("state")).expect("directory").count(), 1, "a draft was left over");
    assert!(!format!("{ring:?}").contains(&BASE64_STANDARD.encode(ring.current.bytes.as_slice())));
}

#[test]
fn what_was_altered_does_not_open() {
    let directory = tempfile::tempdir().expect("directory");
    let ring = KeyRing::load(place(&directory), Ciphertexts::None).expect("made");
    let encrypted = ring.encrypt("ab", "c", "s3cret").expect("sealed");
    let altered = |name: &str, username: &str, encrypted: &Encrypted| {
        let error = ring.decrypt(name, username, encrypted).expect_err("altered");
        assert!(matches!(error, KeyError::Altered { .. }), "{error}");
    };
    altered("a", "bc", &encrypted);
    altered("ab", "d", &encrypted);
    for at in [0, encrypted.ciphertext.len() - 1] {
        let mut wrong = encrypted.clone();
        wrong.ciphertext[at] ^= 1;
        altered("ab", "c", &wrong);
    }
    altered("ab", "c", &Encrypted { nonce: vec![0; 24], ..encrypted.clone() });
    altered("ab", "c", &Encrypted { nonce: vec![0; 12], ..encrypted.clone() });
    altered("ab", "c", &Encrypted { ciphertext: Vec::new(), ..encrypted });
}

#[test]
fn another_key_is_named() {
    let (one, two) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let encrypted = KeyRing::load(place(&one), Ciphertexts::None).expect("made").encrypt("n", "u", "s3cret").expect("sealed");
    let other = KeyRing::load(place(&two), Ciphertexts::None).expect("made");
    let text = other.decrypt("n", "u", &encrypted).expect_err("another key").to_string();
    assert!(text.contains(&encrypted.key_id) && text.contains(other.current_id()), "{text}");
    // the id of a key does not prove anything
    let forged = Encrypted { key_id: other.current_id().into(), ..encrypted };
    assert!(matches!(other.decrypt("n", "u", &forged), Err(KeyError::Altered { .. })));
}

#[test]
fn rotation_opens_both_until_the_old_key_is_dropped() {
    let directory = tempfile::tempdir().expect("directory");
    let mut ring = KeyRing::load(place(&directory), Ciphertexts::None).expect("made");
    let old = ring.encrypt("n", "u", "s3cret").expect("sealed");
    let kept = KeptSecret { name: "n".into(), username: "u".into(), encrypted: old.clone() };
    let new = ring.rotate(&[kept]).expect("rotated").pop().expect("encrypted again");
    let other_node = KeyRing::load(place(&directory), Ciphertexts::Stored).expect("read");
    assert_eq!(other_node.current_id(), ring.current_id());
    assert_ne!(ring.current_id(), old.key_id);
    for encrypted in [&old, &new] {
        assert_eq!(other_node.decrypt("n", "u", encrypted).expect("both keys open").expose_secret(), "s3cret");
    }
    ring.drop_previous().expect("dropped");
    let reread = KeyRing::load(place(&directory), Ciphertexts::Stored).expect("read");
    assert!(reread.decrypt("n", "u", &new).is_ok());
    assert!(matches!(reread.decrypt("n", "u", &old), Err(KeyError::UnknownKey { .. })));
    let mode = fs::metadata(reread.place.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_rotation_that_cannot_open_a_secret_changes_nothing() {
    let (one, two) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let strange = KeyRing::load(place(&one), Ciphertexts::None).expect("made").encrypt("n", "u", "s3cret").expect("sealed");
    let mut ring = KeyRing::load(place(&two), Ciphertexts::None).expect("made");
    let (id, file) = (ring.current_id().to_owned(), fs::read_to_string(ring.place.path()).expect("readable"));
    let kept = KeptSecret { name: "n".into(), username: "u".into(), encrypted: strange };
    assert!(matches!(ring.rotate(&[kept]), Err(KeyError::UnknownKey { .. })));
    assert_eq!(ring.current_id(), id);
    assert_eq!(fs::read_to_string(ring.place.path()).expect("readable"), file);
}

#[test]
fn a_file_that_cannot_be_trusted_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let text = KeyRing::load(place(&directory), Ciphertexts::Stored).expect_err("missing").to_string();
    assert!(text.contains("is missing, and stored credentials need it"), "{text}");
    let path = KeyRing::load(place(&directory), Ciphertexts::None).expect("made").place.path;
    let good = fs::read_to_string(&path).expect("readable");

    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        let text = KeyRing::load(place(&directory), Ciphertexts::Stored).expect_err("exposed").to_string();
        assert!(text.contains(&format!("(mode {mode:04o}): run `chmod 600 ")), "{text}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");

    let short = BASE64_STANDARD.encode([7; 31]);
    let swapped = good.replace(good.lines().last().unwrap_or_default().split(' ').next().unwrap_or_default(), "00000000");
    for (wrong, expect) in [
        ("-----BEGIN PRIVATE KEY-----\n".to_owned(), "its first line is not `tieline-master-keys 1`"),
        (format!("{HEADER}\n"), "it holds no key"),
        (format!("{HEADER}\nabc {short}\n"), "key `abc` has 31 bytes instead of 32"),
        (format!("{HEADER}\nabc !\n"), "key `abc` is not base64"),
        (swapped, "key `00000000` is damaged"),
    ] {
        fs::write(&path, wrong).expect("written");
        let error = KeyRing::load(place(&directory), Ciphertexts::Stored).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    }
    fs::write(&path, good).expect("written");
    KeyRing::load(place(&directory), Ciphertexts::Stored).expect("the good file is good again");

    // only root can change a file's owner; the directory stays ours, so the owner is not the service account
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(65534), None).expect("chown");
        assert!(matches!(KeyRing::load(place(&directory), Ciphertexts::Stored), Err(KeyError::NotOurs { owner: 65534, user: 0, .. })));
        std::os::unix::fs::chown(path.parent().expect("parent"), Some(65534), None).expect("chown");
        let mut ring = KeyRing::load(place(&directory), Ciphertexts::Stored).expect("the service account's own");
        ring.rotate(&[]).expect("rotated");
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path).expect("there")), 65534);
    }
}

#[test]
fn the_service_managers_key_wins_and_is_not_changed() {
    let directory = tempfile::tempdir().expect("directory");
    let made = KeyRing::load(place(&directory), Ciphertexts::None).expect("made").place.path;
    let credentials = directory.path().join("credentials");
    let at = |credentials: &Path| KeyPlace::new(&directory.path().join("elsewhere/master.key"), Some(credentials));
    fs::create_dir(&credentials).expect("directory");
    assert!(!at(&credentials).managed, "there is no key in it");
    fs::copy(&made, credentials.join(CREDENTIAL_NAME)).expect("copied");
    fs::set_permissions(credentials.join(CREDENTIAL_NAME), fs::Permissions::from_mode(0o440)).expect("mode");
    let mut ring = KeyRing::load(at(&credentials), Ciphertexts::Stored).expect("read");
    let id = ring.current_id().to_owned();
    assert!(matches!(ring.rotate(&[]), Err(KeyError::Managed { .. })));
    assert_eq!(ring.current_id(), id);
    assert!(ring.keys.is_empty());
}
