//! The XML of applications as a tree of elements with their attributes.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The most elements that may be open at once.
const DEEPEST: usize = 64;

/// One element.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Its name.
    pub(super) name: String,
    /// Its attributes, in order.
    attributes: Vec<(String, String)>,
    /// The text between its tags.
    pub(super) text: String,
    /// The elements within it.
    pub(super) children: Vec<Node>,
}

impl Node {
    /// Reads a document. `Err` is what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
        let mut open = vec![Self::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let depth = open.len();
            let Some(current) = open.last_mut() else { return Err("an element ends that never began".into()) };
            match event {
                Event::Start(_) if depth > DEEPEST => return Err(format!("more than {DEEPEST} elements are within one another")),
                Event::Start(tag) => open.push(element(&tag)?),
                Event::Empty(tag) => current.children.push(element(&tag)?),
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
                Event::Eof if depth > 1 => return Err("the document ends within an element".into()),
                Event::Eof => break,
                _ => {}
            }
        }
        let mut root = open.pop().unwrap_or_default();
        if root.children.len() == 1 { Ok(root.children.remove(0)) } else { Err("the document has no single root element".into()) }
    }

    /// The value of an attribute; empty when it is not there.
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The trimmed text of an element within this one; empty when it is not there.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", |child| child.text.trim())
    }
}

fn element(tag: &BytesStart<'_>) -> Result<Node, String> {
    let mut node = Node { name: tag.local_name().into_inner().to_owned(), ..Node::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
        node.attributes.push((attribute.key.local_name().into_inner().to_owned(), value.into_owned()));
    }
    Ok(node)
}
