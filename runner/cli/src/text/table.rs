//! Tables with aligned columns.

use anstyle::Style;

const HEADER: Style = Style::new().bold();

/// Rows under headers; each column as wide as its widest cell.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes a table without rows.
    pub(crate) fn new(headers: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            headers: headers.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, whose cells are safe for a terminal already.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes the table, or `empty` where it has no rows; without a line break at the end.
    pub(crate) fn render(&self, empty: &str) -> String {
        if self.rows.is_empty() {
            return empty.to_owned();
        }
        let widths: Vec<usize> = (0..self.headers.len()).map(|n| self.width(n)).collect();
        let headers = self.headers.iter().map(|header| (*header).to_owned());
        let header = line(&headers.collect::<Vec<_>>(), &widths);
        let mut lines = vec![format!("{HEADER}{header}{HEADER:#}")];
        lines.extend(self.rows.iter().map(|row| line(row, &widths)));
        lines.join("\n")
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(self.headers[column].chars().count())
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        if !line.is_empty() {
            line.push_str("  ");
        }
        line.push_str(&format!("{cell:<width$}"));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["NAME", "STATE", "NOTE"]);
        table.row(["greet", "live", ""].map(str::to_owned));
        table.row(["create-issue", "disabled", "since deploy 3"].map(str::to_owned));
        let text = strip_str(&table.render("nothing")).to_string();
        insta::assert_snapshot!(text, @r"
        NAME          STATE     NOTE
        greet         live
        create-issue  disabled  since deploy 3
        ");
    }

    #[test]
    fn a_table_without_rows_says_so_in_words() {
        assert_eq!(Table::new(["NAME"]).render("no runs yet"), "no runs yet");
    }
}
