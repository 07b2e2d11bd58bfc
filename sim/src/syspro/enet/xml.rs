//! XML of the simulated e.net: parses requests into a tree, writes answers line by line.

use quick_xml::Reader;
use quick_xml::escape::partial_escape;
use quick_xml::events::Event;

/// One element of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// The element's name as it was written.
    pub(super) name: String,
    /// The text between its tags, spaces included.
    pub(super) text: String,
    /// The elements within it.
    pub(super) children: Vec<Node>,
}

impl Node {
    /// Reads a document. `Err` is what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
        let mut open = vec![Node::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let Some(current) = open.last_mut() else { return Err("an element ends that never began".into()) };
            match event {
                Event::Start(tag) => open.push(named(tag.local_name().into_inner())),
                Event::Empty(tag) => current.children.push(named(tag.local_name().into_inner())),
                Event::Text(part) => current.text.push_str(&part.xml10_content()),
                Event::CData(part) => current.text.push_str(&part.xml10_content()),
                Event::GeneralRef(entity) => match entity.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(c) => current.text.push(c),
                    None => {
                        let name = entity.xml10_content();
                        let known = quick_xml::escape::resolve_predefined_entity(&name);
                        current.text.push_str(known.ok_or_else(|| format!("the entity `{name}` is not defined"))?);
                    }
                },
                Event::End(_) => {
                    let done = open.pop().unwrap_or_default();
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Err("an element ends that never began".into()),
                    }
                }
                Event::Eof if open.len() > 1 => return Err("the document ends within an element".into()),
                Event::Eof => break,
                _ => {}
            }
        }
        let mut root = open.pop().unwrap_or_default();
        if root.children.len() == 1 { Ok(root.children.remove(0)) } else { Err("the document has no single root element".into()) }
    }

    /// The first element of this name, whatever its case.
    pub(super) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name.eq_ignore_ascii_case(name))
    }

    /// Every element of this name, whatever its case.
    pub(super) fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Node> {
        self.children.iter().filter(move |child| child.name.eq_ignore_ascii_case(name))
    }

    /// The trimmed text of an element; empty when it is not there.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }
}

fn named(name: &str) -> Node {
    Node { name: name.to_owned(), ..Node::default() }
}

/// Writes an answer with one element per line, as e.net does.
#[derive(Debug)]
pub(super) struct Writer {
    text: String,
    root: String,
}

impl Writer {
    /// Begins with the declaration and the root element; `version` is the business object's.
    pub(super) fn new(root: &str, version: &str) -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\n<{root} Language='05' Language2='EN' CssStyle='' DecFormat='1' \
             DateFormat='01' Role='01' Version='{version}' OperatorPrimaryRole='   '>\n"
        );
        Self { text, root: root.to_owned() }
    }

    /// `<name>`
    pub(super) fn open(&mut self, name: &str) {
        self.text += &format!("<{name}>\n");
    }

    /// `</name>`
    pub(super) fn close(&mut self, name: &str) {
        self.text += &format!("</{name}>\n");
    }

    /// `<name>text</name>`, or `<name/>` when there is no text.
    pub(super) fn value(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.text += &format!("<{name}/>\n");
            return;
        }
        self.text += &format!("<{name}>{}</{name}>\n", partial_escape(text));
    }

    /// `<name>text</name>`, with the text unescaped.
    pub(super) fn raw(&mut self, name: &str, text: &str) {
        self.text += &format!("<{name}>{text}</{name}>\n");
    }

    /// The whole answer, with the line feed and the space that follow the closing tag.
    pub(super) fn finish(mut self) -> String {
        self.text += &format!("</{}>\n ", self.root);
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_a_tree_with_its_blanks() {
        let node = Node::parse("<?xml version='1.0'?><Query xmlns:x=\"y\"><V> 00001&amp;&#233;</V><E/><v><![CDATA[<a>]]></v></Query>")
            .expect("XML");
        assert_eq!((node.name.as_str(), node.children.len()), ("Query", 3));
        assert_eq!(node.all("V").map(|v| v.text.as_str()).collect::<Vec<_>>(), [" 00001&é", "<a>"]);
        for broken in ["<a><b></a>", "<a>", "", "text", "<a/><b/>", "<a>&nope;</a>"] {
            assert!(Node::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn an_answer_has_one_element_per_line() {
        let mut writer = Writer::new("ApInvoice", "8.0.001");
        writer.value("A", "x & <y>");
        writer.value("B", "");
        let text = writer.finish();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\n<ApInvoice Language='05' "), "{text}");
        assert!(text.ends_with("<A>x &amp; &lt;y&gt;</A>\n<B/>\n</ApInvoice>\n "), "{text}");
    }
}
