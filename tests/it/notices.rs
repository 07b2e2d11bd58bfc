//! Notices go out once, to a real web server and a real mail server, for the events that were configured.

mod secured;

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{Datelike, Days, Utc};
use hmac::{Hmac, KeyInit, Mac};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use sha2::Sha256;
use tieline::actors::system::ActorSystem;
use tieline::credentials::credential_store::NOTICES_WEBHOOK;
use tieline::domain::FlowId;
use tieline::domain::audit::AuditKind;
use tieline::domain::run::RunKind;
use tieline::process::mode::Mode;
use tieline::supervision::guard::RestartPolicy;
use tieline_sim::servicenow::schema::{Abort, BusinessRule, ColumnKind};

use crate::binary::{Site, text};
use crate::support::receivers::Receiver;
use crate::support::{Options, Rig, ask, run, run_set, set_credentials, source};

/// How long a transaction of another test may hold notices back.
const LIMIT: Duration = Duration::from_secs(60);

const SECRET: &str = "what only both know";

/// A site with both channels, whose ServiceNow refuses invoices that are due on one day.
struct NoticesWorld {
    rig: Rig,
    web: Receiver,
    mail: Receiver,
}

impl NoticesWorld {
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::by(Receiver::web(), Receiver::mail(), settings).await
    }

    /// By these receivers.
    async fn by(web: Receiver, mail: Receiver, settings: &[(&str, &str)]) -> Self {
        Self::with(Options::of_one_company(20), web, mail, settings).await
    }

    /// Of this site.
    async fn with(options: Options, web: Receiver, mail: Receiver, settings: &[(&str, &str)]) -> Self {
        let mut options = options
            .with("NOTICES__WEBHOOK_URLS", &format!("http://127.0.0.1:{}/hooks/a-token", web.port))
            .with("NOTICES__MAIL_SERVER", &format!("127.0.0.1:{}", mail.port))
            .with("NOTICES__MAIL_TLS", "none")
            .with("NOTICES__MAIL_FROM", "tieline@erp.example")
            .with("NOTICES__MAIL_TO", "ap@erp.example,audit@erp.example")
            .with("NOTICES__PUBLIC_URL", "https://tieline.example/");
        for (key, value) in settings {
            options = options.with(key, value);
        }
        let name = "Period is closed".to_owned();
        let rule = BusinessRule { name, column: "u_due_date".into(), abort: Abort::Equals("2033-03-03".into()), silent: false };
        options.servicenow.table("x_apo_invoice").unwrap().rules.push(rule);
        let rig = Rig::start(options).await;
        set_credentials(&rig.store, &rig.process.credential_store, [(NOTICES_WEBHOOK, "tieline".to_owned(), SECRET.to_owned())]).await;
        Self { rig, web, mail }
    }

    /// N more invoices will be refused.
    fn spoil(&self, skip: usize, count: usize) {
        let invoices =
            source::rows(&self.rig.syspro, "EDU1", "ApInvoice", |c| (c("Supplier").text().to_owned(), c("Invoice").text().to_owned()));
        for (supplier, invoice) in invoices.into_iter().skip(skip).take(count) {
            let key = [("Supplier", supplier.as_str()), ("Invoice", invoice.as_str())];
            self.rig.syspro.update("EDU1", "ApInvoice", &key, &[("DueDate", "2033-03-03")]).unwrap();
        }
    }

    /// Reads everything again, and tells what there is; the time of every try has come.
    ///
    /// An open transaction in another test's database on the same server delays notices; then the check is repeated.
    async fn sweep(&self) {
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            self.rig.database.psql("UPDATE notice_delivery SET not_before = now()");
            run_set(&self.rig.process, self.rig.process.flows(), RunKind::Sweep).await;
            let held_back = "SELECT count(*) FROM audit a, notice_position p WHERE a.kind IN ('failed', 'waiting', 'on_hold', 'partial_write') AND a.xid >= p.xid";
            if self.rig.database.psql(held_back) == "0" {
                return;
            }
        }
    }

    /// Sweeps until the web server has received this many messages: a Notifier that crashed starts again a moment later.
    async fn sweep_until(&self, told: usize) {
        for _ in 0..10 {
            self.sweep().await;
            if self.web.seen().len() >= told {
                return;
            }
        }
    }

    /// The messages that the web server accepted.
    fn told(&self) -> Vec<Value> {
        let body = |seen: String| serde_json::from_str(seen.split_once("\r\n\r\n").unwrap().1).unwrap();
        self.web.seen().into_iter().map(body).collect()
    }

    fn state(&self, channel: &str) -> String {
        self.rig.database.psql(&format!(
            "SELECT string_agg(state || ':' || tries, ' ' ORDER BY notice_id) FROM notice_delivery WHERE channel LIKE '{channel}%'"
        ))
    }
}

#[test]
fn refused_records_are_told_once_signed_and_mailed() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.spoil(0, 3);
        world.sweep().await;
        let told = world.told();
        assert_eq!(told.len(), 1, "{told:#?}");
        let notice = &told[0]["notices"][0];
        assert_eq!(
            (notice["event"].as_str(), notice["count"].as_i64(), notice["cause"].as_str()),
            (Some("records_failed"), Some(3), Some("rejected"))
        );
        assert!(notice["examples"][0]["said"].as_str().unwrap().contains("Period is closed"), "{notice}");
        assert_eq!(notice["link"], "https://tieline.example/failures");

        // the receiver knows who it comes from
        let seen = world.web.seen().remove(0);
        let (head, body) = seen.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(one, _)| one.eq_ignore_ascii_case(name)).expect(name).1.trim().to_owned()
        };
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        assert_eq!(header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())));
        assert_eq!(told[0]["id"], id);
        assert!((Utc::now().timestamp() - at.parse::<i64>().unwrap()).abs() < 300, "{at}");

        let mails = world.mail.seen();
        assert_eq!(mails.len(), 1);
        for words in [
            "Subject: Tieline: 3 records of invoice (company EDU1) were refused",
            "ap@erp.example",
            "audit@erp.example",
            "Period is closed",
            "What to do:",
        ] {
            assert!(mails[0].replace("=\r\n", "").contains(words), "{words}: {}", mails[0]);
        }

        // nothing is sent twice; new notices are
        world.sweep().await;
        assert_eq!((world.web.seen().len(), world.mail.seen().len()), (1, 1));
        world.spoil(3, 1);
        world.sweep().await;
        assert_eq!((world.told()[1]["notices"][0]["count"].as_i64(), world.mail.seen().len()), (Some(1), 2));
        let said: Vec<String> = world.rig.audit(AuditKind::Notice).await.into_iter().filter_map(|row| row.detail).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.iter().all(|detail| !detail.contains("a-token") && !detail.contains(SECRET)), "{said:?}");
    });
}

#[test]
fn a_recipient_whom_the_mail_server_refuses_keeps_nobody_else_from_a_notice() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.mail.refuses("audit@erp.example", "550 5.1.1 no such user");
        world.spoil(0, 1);
        world.sweep().await;
        assert_eq!((world.mail.seen().len(), world.state("mail")), (1, "sent:1".to_owned()));
        let said = world.rig.database.psql("SELECT said FROM notice_delivery WHERE channel LIKE 'mail%'");
        assert!(said.contains("not for `audit@erp.example`") && said.contains("5.1.1 no such user"), "{said}");
        assert!(said.contains("notices.mail_to"), "{said}");

        // one that it refuses for a while gets it with the others, later: nobody gets it twice
        world.mail.refuses("audit@erp.example", "451 4.2.1 mailbox busy");
        world.spoil(1, 1);
        world.sweep().await;
        assert_eq!(world.mail.seen().len(), 1);
        world.mail.refuses_nobody();
        world.sweep().await;
        assert_eq!(world.mail.seen().len(), 2);

        // where it takes nobody, the refusal names the last
        world.mail.refuses("ap@erp.example", "550 5.1.1 no such user");
        world.mail.refuses("audit@erp.example", "550 5.1.1 no such user");
        world.spoil(2, 1);
        world.sweep().await;
        let failed = world.rig.database.psql("SELECT said FROM notice_delivery WHERE channel LIKE 'mail%' AND state = 'failed'");
        assert!(failed.contains("did not accept it for `audit@erp.example`"), "{failed}");
    });
}

#[test]
fn a_receiver_that_takes_a_notice_and_answers_at_length_gets_it_once() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.web.answers(&format!("200 OK\r\nX-Filler: 1\r\n\r\n{}", "y".repeat(1 << 20)));
        world.spoil(0, 1);
        world.sweep().await;
        world.sweep().await;
        assert_eq!((world.web.seen().len(), world.state("webhook")), (1, "sent:1".to_owned()));
    });
}

#[test]
fn records_that_arrive_otherwise_than_they_were_sent_are_told_by_field_and_once() {
    run(async {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(site.path().join("profiles/apo")).unwrap();
        let shipped = include_str!("../../config/profiles/apo/gl_account.toml");
        let recorded = shipped.replace("write = \"table\"", "write = \"table\"\npartial_write = \"record\"");
        assert_ne!(recorded, shipped);
        std::fs::write(site.path().join("profiles/apo/gl_account.toml"), recorded).unwrap();
        let mut options = Options::of_one_company(20);
        options.servicenow.table("itfm_gl_accounts").unwrap().set_column("name", ColumnKind::Text(4));
        let settings = [("DEFINITIONS__DIRECTORY", site.path().to_str().unwrap())];
        let world = NoticesWorld::with(options, Receiver::web(), Receiver::mail(), &settings).await;
        world.sweep().await;
        world.sweep().await;
        let cut = world.rig.database.psql("SELECT count(DISTINCT document_id) FROM record WHERE partial = '{name}'");
        assert_ne!(cut, "0");
        let told = world.told();
        assert_eq!(told.len(), 1, "{told:#?}");
        let notices: Vec<&Value> = told[0]["notices"].as_array().unwrap().iter().filter(|one| one["event"] == "partial_write").collect();
        assert_eq!(notices.len(), 1, "{told:#?}");
        let notice = notices[0];
        assert_eq!((notice["count"].to_string(), &notice["cause"], &notice["entity"]), (cut.clone(), &"name".into(), &"gl_account".into()));
        let said = notice["examples"][0]["said"].as_str().unwrap();
        assert!(said.starts_with("name: `") && said.contains("` was sent, `") && said.ends_with("` is there"), "{said}");
        let headline =
            format!("{cut} records of gl_account (company EDU1) arrived, and ServiceNow stored another value of name than Tieline sent");
        assert_eq!(notice["headline"], headline.as_str());
        assert!(notice["next_step"].as_str().unwrap().contains("tieline audit --kind partial_write"), "{notice}");
    });
}

#[test]
fn a_receiver_in_trouble_is_tried_again_and_one_that_refuses_is_not() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.spoil(0, 1);
        world.web.answers("503 Service Unavailable");
        world.mail.answers("451 try again later");
        world.sweep().await;
        assert_eq!((world.state("webhook").as_str(), world.state("mail").as_str()), ("due:1", "due:1"));
        let waits = "SELECT count(*) FROM notice_delivery WHERE not_before > now() + interval '10 seconds'";
        assert_eq!(world.rig.database.psql(waits), "2", "not at once");
        world.sweep().await;
        assert_eq!((world.state("webhook").as_str(), world.state("mail").as_str()), ("sent:2", "sent:2"));
        assert_eq!(world.told()[0]["notices"][0]["id"], world.told()[1]["notices"][0]["id"], "it is the same notice");
        assert_eq!(world.told()[0]["id"], world.told()[1]["id"], "and the same message");

        world.spoil(1, 1);
        world.web.answers("401 Unauthorized");
        world.mail.answers("550 no such mailbox");
        world.sweep().await;
        world.sweep().await;
        assert_eq!((world.state("webhook").as_str(), world.state("mail").as_str()), ("sent:2 failed:1", "sent:2 failed:1"));
        let said: Vec<String> = world.rig.audit(AuditKind::Notice).await.into_iter().filter_map(|row| row.detail).collect();
        assert!(said.iter().any(|detail| detail.contains("refused it with status 401")), "{said:?}");
        assert!(said.iter().any(|detail| detail.contains("no such mailbox")), "{said:?}");
    });
}

#[test]
fn a_notifier_that_dies_loses_nothing() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.spoil(0, 1);
        world.rig.process.crash.arm("notifier:before_send", None, 0, 1);
        world.sweep().await;
        assert_eq!((world.web.seen().len(), world.rig.process.crash.left()), (0, 0));
        world.sweep_until(1).await;
        assert_eq!((world.web.seen().len(), world.mail.seen().len()), (1, 1));
        // crashes between the answer and its record: the message is sent once more with the same number, for a receiver that checks it
        world.spoil(1, 1);
        world.rig.process.crash.arm("notifier:after_send", None, 0, 1);
        world.sweep_until(3).await;
        let told = world.told();
        assert_eq!((told.len(), &told[1]["notices"][0]["id"]), (3, &told[2]["notices"][0]["id"]));
        assert_eq!(world.state("webhook"), "sent:2 sent:2");
    });
}

#[test]
fn a_notifier_that_dies_for_good_keeps_nothing_from_being_delivered() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.spoil(0, 1);
        let policy = RestartPolicy { min: Duration::from_millis(1), max: Duration::from_millis(2), limit: 2, ..RestartPolicy::default() };
        let system = ActorSystem::start(&world.rig.process, policy, Mode::Command).unwrap();
        world.rig.process.crash.arm("notifier:before_send", None, 0, 3);
        let begun = Instant::now();
        while world.rig.process.crash.left() > 0 && begun.elapsed() < LIMIT {
            world.rig.database.psql("UPDATE notice_delivery SET not_before = now()");
            ask(&system, world.rig.process.flows(), RunKind::Poll).await;
        }
        assert_eq!((world.rig.process.crash.left(), world.web.seen().len()), (0, 0));
        assert!(system.fatal.borrow().is_none(), "{:?}", system.fatal.borrow());
        assert!(world.rig.servicenow.count("x_apo_invoice") > 5);
        system.stop(Duration::from_secs(20)).await;
        // the next process tells what this one could not
        world.sweep().await;
        assert_eq!((world.web.seen().len(), world.mail.seen().len()), (1, 1));
    });
}

#[test]
fn a_full_hour_and_a_digest_gather_what_there_is() {
    run(async {
        let world = NoticesWorld::start(&[("NOTICES__MAX_PER_HOUR", "1")]).await;
        for wave in 0..3 {
            world.spoil(wave, 1);
            world.sweep().await;
        }
        assert_eq!(world.web.seen().len(), 1, "one message an hour");
        world.rig.database.psql("UPDATE notice_message SET sent_at = now() - interval '61 minutes'");
        world.sweep().await;
        assert_eq!((world.web.seen().len(), world.told()[1]["notices"].as_array().unwrap().len()), (2, 2));

        let world = NoticesWorld::start(&[("NOTICES__DIGEST_MINUTES", "60")]).await;
        world.spoil(0, 2);
        world.sweep().await;
        assert_eq!(world.web.seen().len(), 0);
        world.rig.database.psql("UPDATE notice SET found_at = now() - interval '61 minutes'");
        world.sweep().await;
        assert_eq!(world.web.seen().len(), 1);
    });
}

#[test]
fn a_stale_flow_is_told_once_until_it_runs_again() {
    run(async {
        let world = NoticesWorld::start(&[]).await;
        world.sweep().await;
        assert_eq!(world.web.seen().len(), 0);
        let other = || async { run_set(&world.rig.process, vec![FlowId::new("EDU1", "gl_account")], RunKind::Poll).await };
        let stale = || world.rig.database.psql("UPDATE flow SET last_success_at = now() - interval '27 hours' WHERE entity = 'supplier'");
        for _ in 0..2 {
            stale();
            other().await;
        }
        let told = world.told();
        assert_eq!((told.len(), told[0]["notices"][0]["event"].as_str()), (1, Some("flow_stale")));
        assert!(told[0]["subject"].as_str().unwrap().contains("flow EDU1/supplier"), "{told:#?}");
        world.sweep().await;
        stale();
        other().await;
        assert_eq!(world.web.seen().len(), 2, "it ran in between");
    });
}

#[test]
fn a_certificate_that_ends_soon_or_cannot_be_used_is_told_once_as_long_as_that_holds() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let put = |days: u64| {
            let (key, end) = (KeyPair::generate().unwrap(), Utc::now().date_naive() + Days::new(days));
            let mut params = CertificateParams::new(vec!["tieline.example".to_owned()]).unwrap();
            params.not_after = date_time_ymd(end.year(), end.month().try_into().unwrap(), end.day().try_into().unwrap());
            std::fs::write(file("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
            std::fs::write(file("key.pem"), key.serialize_pem()).unwrap();
        };
        put(100);
        let (certificate, key) = (file("certificate.pem"), file("key.pem"));
        let world =
            NoticesWorld::start(&[("HTTP__CERTIFICATE", certificate.to_str().unwrap()), ("HTTP__CERTIFICATE_KEY", key.to_str().unwrap())])
                .await;
        world.sweep().await;
        assert_eq!(world.web.seen().len(), 0, "there is time");
        put(10);
        world.sweep().await;
        world.sweep().await;
        let told = world.told();
        assert_eq!((told.len(), told[0]["notices"][0]["event"].as_str()), (1, Some("certificate_expiring")), "{told:#?}");
        assert!(told[0]["notices"][0]["examples"][0]["said"].as_str().unwrap().contains(" expires at "), "{told:#?}");
        put(100);
        world.sweep().await;
        std::fs::write(file("key.pem"), "").unwrap();
        world.sweep().await;
        let told = world.told();
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(told[1]["notices"][0]["examples"][0]["said"].as_str().unwrap().contains("holds no private key"), "{told:#?}");
    });
}

#[test]
fn channels_are_tried_from_a_shell_and_mistakes_are_named() {
    let (web, mail) = (Receiver::web(), Receiver::mail());
    let notices = format!(
        "[notices]\nwebhook_urls = [\"http://127.0.0.1:{}/a-token\"]\nmail_server = \"127.0.0.1:{}\"\nmail_tls = \"none\"\n\
         mail_from = \"a@b.example\"\nmail_to = [\"c@d.example\"]\n",
        web.port, mail.port
    );
    let site = Site::new("http://127.0.0.1:9/", "http://127.0.0.1:9/", &notices);
    let out = site.run(&["notices", "test"]);
    assert!(out.status.code() == Some(1) && text(&out).contains("no credential `notices-webhook`"), "{}", text(&out));
    assert_eq!(mail.seen().len(), 1, "the other channel works");
    let password = site.path("password");
    std::fs::write(&password, SECRET).unwrap();
    let mut set = site.command(&["credential", "set", "notices-webhook", "--username", "tieline", "--password-stdin"]);
    assert!(set.stdin(std::fs::File::open(password).unwrap()).status().unwrap().success());
    let out = site.run(&["notices", "test"]);
    assert!(out.status.success() && text(&out).contains("accepted it"), "{}", text(&out));
    assert!(web.seen()[0].contains("a test of this channel") && !text(&out).contains("a-token"));
    let out = site.run(&["check"]);
    assert!(out.status.success() && !text(&out).contains("a-token"), "{}", text(&out));

    let wrong = "[notices]\nevents = [\"records_lost\"]\nwebhook_urls = [\"http://hooks.example/a-token\", \"nonsense\"]\nmail_server = \"smtp.example:x\"\nmail_tls = \"maybe\"\n";
    let site = Site::new("http://127.0.0.1:9/", "http://127.0.0.1:9/", wrong);
    let out = site.run(&["check"]);
    let said = text(&out);
    for words in [
        "`records_lost` is not an event",
        "(`hooks.example`) must begin with `https://`",
        "address 2 of",
        "must be a host with a port",
        "`starttls`, `tls` or `none`, got `maybe`",
        "notices.mail_from",
        "notices.mail_to",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(out.status.code() == Some(4) && !said.contains("a-token"), "{said}");
}
