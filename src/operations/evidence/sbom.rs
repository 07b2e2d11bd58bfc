//! The software bill of materials: the packages that this program was built from, in CycloneDX's form (version 1.5).

use serde::Deserialize;
use serde_json::json;

/// The locked packages of this build.
const LOCKED: &str = include_str!("../../../Cargo.lock");

#[derive(Deserialize)]
struct Locked {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// SHA-256 of the package's file; our own packages have none.
    checksum: Option<String>,
}

/// The bill and the number of its components. `None`: the list of locked packages cannot be read, which a test rules out.
pub(super) fn sbom() -> Option<(String, u64)> {
    let locked: Locked = toml::from_str(LOCKED).ok()?;
    let components: Vec<_> = locked
        .package
        .iter()
        .map(|package| {
            let purl = format!("pkg:cargo/{}@{}", package.name, package.version);
            let mut one = json!({ "type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl });
            if let Some(checksum) = &package.checksum {
                one["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            one
        })
        .collect();
    let count = components.len() as u64;
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "tieline", "version": env!("CARGO_PKG_VERSION") } },
        "components": components,
    });
    Some((format!("{bill:#}\n"), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locked_package_is_named_with_its_hash() {
        let (bill, count) = sbom().expect("the locked packages");
        let bill: serde_json::Value = serde_json::from_str(&bill).expect("JSON");
        let components = bill["components"].as_array().expect("a list");
        assert!(count > 100 && components.len() as u64 == count);
        let diesel = components.iter().find(|one| one["name"] == "diesel").expect("diesel");
        assert_eq!(diesel["hashes"][0]["content"].as_str().map(str::len), Some(64), "{diesel}");
        assert!(diesel["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/diesel@")), "{diesel}");
    }
}
