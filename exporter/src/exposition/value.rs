//! Numbers as the text format writes them: shortest form that reads back to the same value.
//! No names, labels or lines; those are in `family`.

/// The value of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident as $to:ty),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Value {
                Value::$variant(value as $to)
            }
        })*
    };
}

value_from! {
    u8 => Unsigned as u64, u16 => Unsigned as u64, u32 => Unsigned as u64, u64 => Unsigned as u64,
    usize => Unsigned as u64, bool => Unsigned as u64,
    i8 => Signed as i64, i16 => Signed as i64, i32 => Signed as i64, i64 => Signed as i64,
    f64 => Float as f64,
}

/// Every whole number up to here has its own `f64`.
const EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// Appends the number; whole floats below 2^53 are written as integers.
    pub(super) fn write_to(self, out: &mut Vec<u8>) {
        match self {
            Value::Unsigned(value) => push_integer(out, value),
            Value::Signed(value) => push_integer(out, value),
            Value::Float(value) => {
                if value.fract() == 0.0 && value.abs() < EXACT_WHOLE {
                    push_integer(out, value as i64);
                } else {
                    push_float(out, value);
                }
            }
        }
    }
}

/// Appends a bucket bound. Always with a fraction or exponent (`1.0`): OpenMetrics asks for it, and
/// Prometheus 3 normalises to it, so that one line serves both formats.
pub(super) fn push_bound(out: &mut Vec<u8>, bound: f64) {
    push_float(out, bound);
}

fn push_integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn push_float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: impl Into<Value>) -> String {
        let mut out = Vec::new();
        value.into().write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_their_shortest_form() {
        let cases: [(Value, &str); 14] = [
            (0_u64.into(), "0"),
            (u64::MAX.into(), "18446744073709551615"),
            (i64::MIN.into(), "-9223372036854775808"),
            (true.into(), "1"),
            (0.0.into(), "0"),
            (42.0.into(), "42"),
            ((-7.0).into(), "-7"),
            (0.1.into(), "0.1"),
            (9_007_199_254_740_991.0.into(), "9007199254740991"),
            (9_007_199_254_740_992.0.into(), "9007199254740992.0"),
            (1e300.into(), "1e300"),
            (f64::NAN.into(), "NaN"),
            (f64::INFINITY.into(), "+Inf"),
            (f64::NEG_INFINITY.into(), "-Inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn bounds_keep_a_fraction() {
        for (bound, expected) in
            [(1.0, "1.0"), (0.5, "0.5"), (f64::INFINITY, "+Inf"), (604_800.0, "604800.0")]
        {
            let mut out = Vec::new();
            push_bound(&mut out, bound);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
