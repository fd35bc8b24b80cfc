//! One chart as SVG: axes, areas, lines, shaded spans and a legend. Text stays text.
//! It knows no run; what is drawn comes from `plot`.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;

/// Drawn at this size and scaled by the page, so that text is legible on a phone and on a wide screen.
const WIDTH: u32 = 440;
const HEIGHT: u32 = 268;
const LEGEND_HEIGHT: u32 = 26;
/// As the library counts, which draws letters of 14 / 1.24 pixels.
const FONT_SIZE: i32 = 14;

/// Colours after Okabe and Ito (distinct for all common kinds of colour vision), in the tone that is legible on
/// white. The page replaces them by their lighter tone on dark: see `style.css`, which names the same values.
pub(super) const INK: RGBColor = RGBColor(0x33, 0x3d, 0x47);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xe1, 0xe6);
pub(super) const SHADE: RGBColor = RGBColor(0x8a, 0x94, 0x9e);
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub(super) const ORANGE: RGBColor = RGBColor(0xd9, 0x8c, 0x00);
pub(super) const RED: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x8f, 0x68);

/// A line through points in axis values; a missing value is a gap.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) colour: RGBColor,
    pub(super) width: u32,
    pub(super) points: Vec<(f64, Option<f64>)>,
    /// Fill down to the bottom.
    pub(super) filled: bool,
}

/// The area between two lines of equal x values.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) colour: RGBColor,
    pub(super) low: Vec<(f64, Option<f64>)>,
    pub(super) high: Vec<(f64, Option<f64>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// A span of x that is shaded, with its name in the legend.
    pub(super) shaded: Option<(f64, f64, &'static str)>,
    pub(super) bands: Vec<Band>,
    pub(super) lines: Vec<Line>,
}

impl Chart {
    /// The SVG element.
    ///
    /// # Errors
    /// When the drawing library refuses, with its message.
    pub(super) fn svg(&self) -> Result<String, String> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| error.to_string())?;
        // The page sizes the drawing; only the proportions come from here.
        Ok(svg.replacen(&format!("width=\"{WIDTH}\" height=\"{HEIGHT}\" "), "", 1))
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error + '_>> {
        let root = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
        let (legend, body) = root.split_vertically(LEGEND_HEIGHT);
        self.draw_legend(&legend)?;
        let widest = self.y.ticks.iter().map(|(_, label)| label.len()).max().unwrap_or(1) as u32;
        let mut chart = ChartBuilder::on(&body)
            .margin_top(4)
            .margin_right(18)
            .margin_left(2)
            .x_label_area_size(44)
            .y_label_area_size(32 + 7 * widest)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        if let Some((start, end, _)) = self.shaded {
            let corners = [(start, self.y.range.0), (end, widened(self.y.range))];
            chart.draw_series([Rectangle::new(corners, SHADE.mix(0.18).filled())])?;
        }
        let font = || ("sans-serif", FONT_SIZE).into_font().color(&INK);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(SHADE)
            .label_style(font())
            .axis_desc_style(font())
            .x_desc(self.x.name.as_str())
            .y_desc(self.y.name.as_str())
            .draw()?;
        let place =
            |(x, y): (f64, f64)| (self.x.scale.position(x), self.y.scale.position(y).max(self.y.range.0));
        for band in &self.bands {
            for (low, high) in pieces(&band.low).into_iter().zip(pieces(&band.high)) {
                let outline = low.into_iter().chain(high.into_iter().rev()).map(place).collect::<Vec<_>>();
                chart.draw_series([Polygon::new(outline, band.colour.mix(0.22))])?;
            }
        }
        // The first line, which is the most important one, lies on top.
        for line in self.lines.iter().rev() {
            for piece in pieces(&line.points) {
                let piece: Vec<_> = piece.into_iter().map(place).collect();
                if line.filled && piece.len() > 1 {
                    let bottom = self.y.range.0;
                    let ends = [(piece[piece.len() - 1].0, bottom), (piece[0].0, bottom)];
                    let outline: Vec<_> = piece.iter().copied().chain(ends).collect();
                    chart.draw_series([Polygon::new(outline, line.colour.mix(0.22))])?;
                }
                if let [only] = piece[..] {
                    chart.draw_series([Circle::new(only, 2, line.colour.filled())])?;
                } else {
                    chart.draw_series([PathElement::new(piece, line.colour.stroke_width(line.width))])?;
                }
            }
        }
        root.present()?;
        Ok(())
    }

    fn draw_legend<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let style = ("sans-serif", FONT_SIZE).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        let middle = LEGEND_HEIGHT as i32 / 2;
        let mut x = 12;
        let mut entry = |name: &str, mark: &dyn Fn(i32) -> Rectangle<(i32, i32)>| {
            area.draw(&mark(x))?;
            area.draw(&Text::new(name.to_owned(), (x + 22, middle), style.clone()))?;
            // About 6.2 pixels a letter in any sans-serif of this size, and a gap.
            x += 22 + (name.len() as f64 * 6.2) as i32 + 14;
            Ok(())
        };
        for line in &self.lines {
            let half = i32::from(line.width > 1) + 1;
            entry(line.name, &|x| {
                Rectangle::new([(x, middle - half), (x + 17, middle + half)], line.colour.filled())
            })?;
        }
        if let Some((_, _, name)) = self.shaded {
            entry(name, &|x| {
                Rectangle::new([(x, middle - 5), (x + 17, middle + 5)], SHADE.mix(0.18).filled())
            })?;
        }
        Ok(())
    }
}

/// The end of a range, moved when the range is empty: a drawing needs an extent.
fn widened((start, end): (f64, f64)) -> f64 {
    if end > start { end } else { start + 1.0 }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.range.0) / (widened(self.range) - self.range.0);
        // A record may hold anything; far outside is outside.
        limit.0 + (share.clamp(-1.0, 2.0) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.0..widened(self.range)
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let found = self.ticks.iter().find(|(at, _)| (at - value).abs() < 1e-9);
        found.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// The stretches without a gap.
fn pieces(points: &[(f64, Option<f64>)]) -> Vec<Vec<(f64, f64)>> {
    let known = points.split(|(_, y)| y.is_none()).filter(|piece| !piece.is_empty());
    known.map(|piece| piece.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect()).collect()
}
