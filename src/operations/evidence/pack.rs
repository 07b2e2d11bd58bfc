//! The file of an evidence pack: entries that are written one after the other, an index that says of each what it is, and their checksums.

use std::fs::File;
use std::io::{Seek, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::domain::csv::lines;
use crate::operations::Refused;

/// What the index says of an entry, so that a reader can rely on it.
pub(super) struct About {
    /// What it is.
    pub(super) what: &'static str,
    /// Where its lines come from.
    pub(super) source: String,
    /// Which of them it has.
    pub(super) filter: String,
}

/// A pack that is being written.
pub(super) struct Pack<W: Write + Seek> {
    zip: ZipWriter<W>,
    index: Vec<[String; 7]>,
    sums: String,
}

/// An entry that is being written.
struct Entry<'a, W: Write + Seek> {
    zip: &'a mut ZipWriter<W>,
    hash: Sha256,
}

impl<W: Write + Seek> Write for Entry<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.zip.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.zip.flush()
    }
}

fn failed(error: impl std::fmt::Display) -> Refused {
    Refused::NoFile(format!("the evidence pack could not be written: {error}. Check that the disk has room, then try again"))
}

impl<W: Write + Seek> Pack<W> {
    pub(super) fn new(to: W) -> Self {
        Self { zip: ZipWriter::new(to), index: Vec::new(), sums: String::new() }
    }

    /// Adds an entry with these bytes; `lines`: how many lines of data it has.
    pub(super) fn file(&mut self, name: &str, about: About, bytes: &[u8], lines: Option<u64>, total: &str) -> Result<(), Refused> {
        let mut entry = self.begin(name)?;
        entry.write_all(bytes).map_err(failed)?;
        let hash = hex::encode(entry.hash.finalize());
        self.end(name, about, hash, lines, total);
        Ok(())
    }

    /// Adds a copy of a file, from where it is read to its end; `lines` and `total` as for [`Pack::file`].
    pub(super) fn copy(&mut self, name: &str, about: About, mut file: File, lines: Option<u64>, total: &str) -> Result<(), Refused> {
        let mut entry = self.begin(name)?;
        std::io::copy(&mut file, &mut entry).map_err(failed)?;
        let hash = hex::encode(entry.hash.finalize());
        self.end(name, about, hash, lines, total);
        Ok(())
    }

    /// Adds an entry whose pages are made one after the other, until there is none. The first page is the head; a page says how many lines of
    /// data it has.
    pub(super) async fn pages(
        &mut self,
        name: &str,
        about: About,
        head: Vec<u8>,
        mut next: impl AsyncFnMut() -> Result<Option<(Vec<u8>, u64)>, Refused>,
    ) -> Result<u64, Refused> {
        let mut entry = self.begin(name)?;
        entry.write_all(&head).map_err(failed)?;
        let mut all = 0;
        while let Some((bytes, lines)) = next().await? {
            entry.write_all(&bytes).map_err(failed)?;
            all += lines;
        }
        let hash = hex::encode(entry.hash.finalize());
        self.end(name, about, hash, Some(all), "");
        Ok(all)
    }

    fn begin(&mut self, name: &str) -> Result<Entry<'_, W>, Refused> {
        // no clock in the file: the same evidence makes the same bytes
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default())
            .large_file(true);
        self.zip.start_file(name, options).map_err(failed)?;
        Ok(Entry { zip: &mut self.zip, hash: Sha256::new() })
    }

    fn end(&mut self, name: &str, about: About, hash: String, lines: Option<u64>, total: &str) {
        self.sums.push_str(&format!("{hash}  {name}\n"));
        let lines = lines.map(|lines| lines.to_string()).unwrap_or_default();
        self.index.push([name.to_owned(), about.what.to_owned(), about.source, about.filter, lines, total.to_owned(), hash]);
    }

    /// Writes the index, the checksums and their signature; answers the number of entries with a checksum.
    pub(super) fn finish(mut self, common: &str, sign: impl FnOnce(&[u8]) -> String) -> Result<usize, Refused> {
        let head = ["file", "what it is", "source", "filter", "lines", "total", "sha256"].map(str::to_owned);
        let rows = std::iter::once(head).chain(std::mem::take(&mut self.index));
        let index = lines(rows).map_err(failed)?;
        let about = About {
            what: "this index: what each file is, where its lines come from, and how many they are",
            source: common.to_owned(),
            filter: String::new(),
        };
        self.file("index.csv", about, &index, None, "")?;
        let entries = self.sums.lines().count();
        let sums = std::mem::take(&mut self.sums);
        self.begin("SHA256SUMS")?.write_all(sums.as_bytes()).map_err(failed)?;
        self.begin("SHA256SUMS.sig")?.write_all(sign(sums.as_bytes()).as_bytes()).map_err(failed)?;
        self.zip.finish().map_err(failed)?.flush().map_err(failed)?;
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn every_entry_is_in_the_index_and_has_its_checksum() {
        let mut bytes = Cursor::new(Vec::new());
        let mut pack = Pack::new(&mut bytes);
        let about = || About { what: "a list", source: "the ledger".into(), filter: "none".into() };
        pack.file("a.txt", about(), b"abc", Some(1), "5.00").unwrap();
        assert_eq!(pack.finish("as of now", |sums| format!("{} signed", sums.len())).unwrap(), 2);
        let mut zip = zip::ZipArchive::new(bytes).unwrap();
        let mut text = |name: &str| {
            let mut text = String::new();
            zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        // echo -n abc | sha256sum
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(text("SHA256SUMS").starts_with(&format!("{hash}  a.txt\n")) && text("SHA256SUMS").contains("  index.csv\n"));
        assert_eq!(text("SHA256SUMS.sig"), format!("{} signed", text("SHA256SUMS").len()));
        let index = text("index.csv");
        assert!(index.contains(&format!("\"a.txt\",\"a list\",\"the ledger\",\"none\",\"1\",\"5.00\",\"{hash}\"")), "{index}");
    }
}
