//! Mail and webhooks over TLS: which servers get them, and which get nothing.

use tieline::credentials::credential_store::NOTICES_MAIL;
use tieline::domain::audit::AuditKind;

use super::{NoticesWorld, SECRET};
use crate::binary::{Site, text};
use crate::support::receivers::{Authority, Receiver, Speech};
use crate::support::{run, set_credentials};

const USER: &str = "tieline@erp.example";
const PASSWORD: &str = "only under TLS";

/// A file that names an authority.
fn file(authority: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    file
}

async fn told(
    speech: fn(Authority, &'static str, &'static str) -> Speech,
    word: &str,
    trusted: bool,
) -> (NoticesWorld, tempfile::NamedTempFile) {
    let authority = Authority::of("127.0.0.1");
    let file = if trusted { file(&authority.pem) } else { file(&Authority::of("127.0.0.1").pem) };
    let mail = Receiver::mail_that(speech(authority, USER, PASSWORD));
    let settings = [("NOTICES__MAIL_TLS", word), ("NOTICES__CA_FILE", file.path().to_str().unwrap())];
    let world = NoticesWorld::by(Receiver::web(), mail, &settings).await;
    let credential = (NOTICES_MAIL, USER.to_owned(), PASSWORD.to_owned());
    set_credentials(&world.rig.store, &world.rig.process.credential_store, [credential]).await;
    (world, file)
}

/// Nothing that a listener may not hear was on the line in clear.
fn assert_private(world: &NoticesWorld) {
    let overheard = world.mail.overheard();
    for words in ["AUTH", "MAIL FROM", "RCPT", "DATA", "ap@erp.example", "Period is closed", PASSWORD] {
        assert!(!overheard.contains(words), "{words}: {overheard}");
    }
}

#[test]
fn mail_goes_out_once_over_either_kind_of_tls_with_its_password() {
    run(async {
        for (speech, word) in [(Speech::Starttls as fn(_, _, _) -> _, "starttls"), (Speech::Tls, "tls")] {
            let (world, _file) = told(speech, word, true).await;
            world.spoil(0, 2);
            world.sweep().await;
            world.sweep().await;
            let mails = world.mail.seen();
            assert_eq!((mails.len(), world.state("mail").as_str()), (1, "sent:1"), "{word}");
            assert!(mails[0].contains("Subject: Tieline: 2 records of invoice (company EDU1) were refused"), "{}", mails[0]);
            assert_eq!(world.mail.signed_in(), [format!("{USER}:{PASSWORD}")], "{word}");
            assert_private(&world);
        }
    });
}

#[test]
fn a_mail_server_that_nobody_vouches_for_gets_nothing() {
    run(async {
        for (speech, word) in [(Speech::Starttls as fn(_, _, _) -> _, "starttls"), (Speech::Tls, "tls")] {
            let (world, _file) = told(speech, word, false).await;
            world.spoil(0, 1);
            world.sweep().await;
            assert_eq!((world.mail.seen().len(), world.mail.signed_in().len(), world.state("mail").as_str()), (0, 0, "due:1"), "{word}");
            assert_private(&world);
            let said = world.rig.database.psql("SELECT said FROM notice_delivery WHERE channel LIKE 'mail%'");
            assert!(said.contains("UnknownIssuer") && said.contains("`notices.ca_file`"), "{said}");
            // the other channel has nothing to do with it
            assert_eq!(world.state("webhook"), "sent:1");
        }
    });
}

#[test]
fn a_mail_server_that_lost_its_starttls_gets_nothing_until_it_is_back() {
    run(async {
        let (world, _file) = told(Speech::Starttls, "starttls", true).await;
        world.mail.downgrade(true);
        world.spoil(0, 1);
        for tries in 1..=2 {
            world.sweep().await;
            assert_eq!((world.mail.seen().len(), world.state("mail")), (0, format!("due:{tries}")));
        }
        assert_eq!(world.mail.signed_in(), Vec::<String>::new());
        assert!(world.mail.overheard().contains("EHLO"), "it was asked");
        assert_private(&world);
        let said = world.rig.database.psql("SELECT said FROM notice_delivery WHERE channel LIKE 'mail%'");
        assert!(said.contains("STARTTLS is not supported") && said.contains("`notices.mail_tls`"), "{said}");

        world.mail.downgrade(false);
        world.sweep().await;
        world.sweep().await;
        assert_eq!((world.mail.seen().len(), world.state("mail").as_str()), (1, "sent:3"));
        assert_private(&world);
        let said: Vec<String> = world.rig.audit(AuditKind::Notice).await.into_iter().filter_map(|row| row.detail).collect();
        assert!(said.len() == 2 && said.iter().all(|detail| !detail.contains(PASSWORD)), "{said:?}");
    });
}

#[test]
fn a_shell_says_what_is_wrong_with_a_receivers_tls() {
    let answer = |web: &Receiver, mail: &Receiver, tls: &str, ca: Option<&str>, password: &str| {
        let ca = ca.map(file);
        let line = ca.as_ref().map(|file| format!("ca_file = \"{}\"\n", file.path().display())).unwrap_or_default();
        let notices = format!(
            "[notices]\nwebhook_urls = [\"https://127.0.0.1:{}/a-token\"]\nmail_server = \"127.0.0.1:{}\"\nmail_tls = \"{tls}\"\n\
             mail_from = \"a@b.example\"\nmail_to = [\"c@d.example\"]\n{line}",
            web.port, mail.port
        );
        let site = Site::new("http://127.0.0.1:9/", "http://127.0.0.1:9/", &notices);
        for (name, user, secret) in [("notices-webhook", "tieline", SECRET), ("notices-mail", USER, password)] {
            let out = site.run_with(&["credential", "set", name, "--username", user, "--password-stdin"], &format!("{secret}\n"));
            assert!(out.status.success(), "{}", text(&out));
        }
        let out = site.run(&["notices", "test", "--output", "json"]);
        let said = text(&out);
        assert!(!said.contains("a-token") && !said.contains(PASSWORD) && !said.contains(SECRET), "{said}");
        (out.status.code(), said)
    };
    let (authority, other) = (Authority::of("127.0.0.1"), Authority::of("elsewhere.example"));
    let both = format!("{}{}", authority.pem, other.pem);
    let (web, mail) = (Receiver::secured_web(other), Receiver::mail_that(Speech::Tls(authority, USER, PASSWORD)));
    // no certificate is trusted
    let (code, said) = answer(&web, &mail, "tls", None, PASSWORD);
    assert!(code == Some(1) && said.matches("name that authority's file in `notices.ca_file`").count() == 2, "{said}");
    // both are, and one is known by another name
    let (code, said) = answer(&web, &mail, "tls", Some(&both), PASSWORD);
    assert!(code == Some(1) && said.contains("`notices.webhook_urls` must name the host as its certificate does"), "{said}");
    assert_eq!((web.seen().len(), mail.seen().len()), (0, 1), "{said}");
    // the wrong password
    let (_, said) = answer(&web, &mail, "tls", Some(&both), "another");
    assert!(said.contains("set the credential `notices-mail` to what the server knows") && mail.seen().len() == 1, "{said}");

    let authority = Authority::of("127.0.0.1");
    let both = authority.pem.clone();
    let web = Receiver::secured_web(authority);
    let (code, said) = answer(&web, &Receiver::mail(), "starttls", Some(&both), PASSWORD);
    assert!(code == Some(1) && said.contains("set `notices.mail_tls` to `tls`"), "{said}");
    assert_eq!(web.seen().len(), 1, "{said}");
    // a server that speaks first, in clear
    let (code, said) = answer(&web, &Receiver::mail(), "tls", Some(&both), PASSWORD);
    assert!(code == Some(1) && said.contains("set `notices.mail_tls` to `starttls`"), "{said}");
    let (code, said) = answer(&web, &Receiver::mail(), "tls", Some("no certificate"), PASSWORD);
    assert!(code == Some(4) && said.contains("holds no certificate in PEM form"), "{said}");
}
