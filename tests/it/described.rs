//! Tests the running service against its OpenAPI description: schemathesis sends requests that the description allows and many that it does
//! not, and checks every answer.

use std::path::Path;
use std::process::Command;

use crate::binary::text;
use crate::support::node::Node;
use crate::support::world::World;

#[test]
fn schemathesis_finds_nothing_between_the_description_and_the_service() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/tools/api/bin/schemathesis");
    assert!(program.is_file(), "`scripts/setup.sh --lints` fetches what this test needs");
    let world = World::start();
    let mut node = Node::new(&world);
    for entity in ["SUPPLIER", "INVOICE", "PURCHASE_ORDER", "GL_ACCOUNT", "COST_CENTER", "GL_POSTING"] {
        node = node.with(&format!("SCHEDULE__{entity}"), "0 0 1 1 *");
    }
    node.start_and_wait(&world);
    let key = node.key(&world);
    let base = format!("http://127.0.0.1:{}", node.site.port);
    let out = Command::new(program)
        .arg("--config-file")
        .arg(root.join("tests/api/schemathesis.toml"))
        .args(["run", &format!("{base}/api/v1/openapi.json"), "--header", &format!("Authorization: Bearer {key}")])
        .current_dir(node.site.path(""))
        .output()
        .unwrap();
    let said = text(&out);
    assert!(out.status.success(), "{said}");
    assert!(said.contains("Operations:") && !said.contains("Operations:        0"), "{said}");
    assert_eq!(node.terminate(), Some(0));
}
