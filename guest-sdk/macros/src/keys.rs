//! The keys of one attribute: each at most once, none unknown.

use proc_macro2::{Span, TokenStream};
use syn::{Error, LitStr, Result};

use crate::grammar::{Node, Nodes};
use crate::{duration, names};

/// Takes keys out of an attribute, and remembers everything that is wrong, so
/// that the author sees it at once.
pub(crate) struct Keys {
    of: &'static str,
    nodes: Vec<Node>,
    asked: Vec<&'static str>,
    error: Option<Error>,
}

impl Keys {
    /// `of` names what has the keys, such as `#[action]`.
    pub(crate) fn parse(of: &'static str, arguments: TokenStream) -> Self {
        match syn::parse2::<Nodes>(arguments) {
            Ok(nodes) => Self::new(of, nodes.0),
            Err(error) => Self {
                error: Some(error),
                ..Self::new(of, Vec::new())
            },
        }
    }

    pub(crate) fn new(of: &'static str, nodes: Vec<Node>) -> Self {
        Self {
            of,
            nodes,
            asked: Vec::new(),
            error: None,
        }
    }

    pub(crate) fn note(&mut self, error: Error) {
        match &mut self.error {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn require(&mut self, span: Span, is_so: bool, message: &str) {
        if !is_so {
            self.note(Error::new(span, message));
        }
    }

    /// Takes the node with this key, whatever its form.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let is_it = |node: &Node| node.word().as_deref() == Some(key);
        let first = self.nodes.iter().position(is_it)?;
        let node = self.nodes.remove(first);
        while let Some(again) = self.nodes.iter().position(is_it) {
            let error = self
                .nodes
                .remove(again)
                .error(format!("`{key}` is given twice"));
            self.note(error);
        }
        Some(node)
    }

    /// Takes the first argument that is no key: a text in quotes.
    pub(crate) fn leading_text(&mut self) -> Option<LitStr> {
        let is_text = self.nodes.first().is_some_and(|node| node.word().is_none());
        if !is_text {
            return None;
        }
        let node = self.nodes.remove(0);
        self.noted(node.text())
    }

    /// `key = node`
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Node> {
        let node = self.node(key)?;
        let error = node.error(format!("write `{key} = …`"));
        match (node.arguments, node.value) {
            (None, Some(value)) => Some(*value),
            _ => {
                self.note(error);
                None
            }
        }
    }

    /// `key = "text"`
    pub(crate) fn text(&mut self, key: &'static str) -> Option<LitStr> {
        let value = self.value(key)?;
        self.noted(value.text())
    }

    /// `key = "name"`, a name of an object.
    pub(crate) fn name(&mut self, key: &'static str) -> Option<LitStr> {
        let text = self.text(key)?;
        self.noted(names::check(text))
    }

    /// `key = "5s"`, in milliseconds.
    pub(crate) fn milliseconds(&mut self, key: &'static str) -> Option<u32> {
        let text = self.text(key)?;
        self.noted(duration::milliseconds(&text))
    }

    /// `key`, which is true by being there.
    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        let Some(node) = self.node(key) else {
            return false;
        };
        if !node.is_bare() {
            self.note(node.error(format!("`{key}` stands alone")));
        }
        true
    }

    /// `key(node, …)`
    pub(crate) fn list(&mut self, key: &'static str) -> Vec<Node> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let error = node.error(format!("write `{key}(…)`"));
        match (node.arguments, node.value) {
            (Some(arguments), None) => arguments,
            _ => {
                self.note(error);
                Vec::new()
            }
        }
    }

    /// `key("text", …)`
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<LitStr> {
        let nodes = self.list(key);
        nodes
            .iter()
            .filter_map(|node| self.noted(node.text()))
            .collect()
    }

    /// `key(name, …)`
    pub(crate) fn bare_names(&mut self, key: &'static str) -> Vec<LitStr> {
        let nodes = self.list(key);
        let mut names = Vec::new();
        for node in &nodes {
            if !node.is_bare() {
                self.note(node.error("expected a name alone"));
            }
            names.extend(self.noted(node.name()));
        }
        names
    }

    pub(crate) fn noted<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(error);
                None
            }
        }
    }

    /// Reports keys that nobody asked for, and everything noted before.
    pub(crate) fn finish(mut self) -> Result<()> {
        let unknown: Vec<_> = self
            .nodes
            .iter()
            .map(|node| match node.word() {
                Some(word) => node.error(format!(
                    "{} has no key `{word}`; it takes: {}",
                    self.of,
                    self.asked.join(", ")
                )),
                None => node.error(format!("{} takes keys, no bare text", self.of)),
            })
            .collect();
        for error in unknown {
            self.note(error);
        }
        self.error.map_or(Ok(()), Err)
    }
}
