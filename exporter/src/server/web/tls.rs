//! The section `tls_server_config` as rustls understands it: certificates, versions, cipher suites, client names.
//! Names of suites and curves are Go's, as the format has them.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, NamedGroup, RootCertStore,
    ServerConfig, SignatureScheme, SupportedCipherSuite, version,
};

use crate::config::{ClientAuth, Pem, WebTls};

/// What cannot be done about TLS.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("failed to read {name} {pem:?}: {message}")]
    Pem { name: &'static str, pem: Pem, message: String },
    #[error("{key}: {name} is not offered, expected some of {known}")]
    Unknown { key: &'static str, name: String, known: String },
    #[error("{0}")]
    Rustls(#[from] Error),
    #[error("client_ca_file: {0}")]
    ClientCa(#[from] rustls::server::VerifierBuilderError),
}

/// Curves by Go's names.
const CURVES: [(&str, NamedGroup); 4] = [
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

/// Reads the files and makes of all of it what a connection needs.
pub(super) fn server_config(tls: &WebTls) -> Result<ServerConfig, TlsError> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = suites(&provider, &tls.cipher_suites)?;
    provider.kx_groups = curves(&provider, &tls.curves)?;
    let provider = Arc::new(provider);
    let versions: &[_] = match (tls.only_12, tls.only_13) {
        (true, _) => &[&version::TLS12],
        (_, true) => &[&version::TLS13],
        _ => &[&version::TLS13, &version::TLS12],
    };
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions)?;
    let builder = match client_verifier(tls, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(certificates("cert_file", &tls.cert)?, key(&tls.key)?)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    Ok(config)
}

/// The chosen suites in the order of the list, and those of TLS 1.3, which Go lets nobody choose.
fn suites(provider: &CryptoProvider, names: &[String]) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    if names.is_empty() {
        return Ok(provider.cipher_suites.clone());
    }
    let name_of = |suite: &SupportedCipherSuite| {
        suite.suite().as_str().unwrap_or_default().replacen("TLS13_", "TLS_", 1)
    };
    let (tls13, tls12): (Vec<_>, Vec<_>) =
        provider.cipher_suites.iter().copied().partition(|suite| suite.tls13().is_some());
    let mut chosen = tls13.clone();
    for name in names {
        if let Some(suite) = tls12.iter().find(|suite| name_of(suite) == *name) {
            chosen.push(*suite);
        } else if !tls13.iter().any(|suite| name_of(suite) == *name) {
            let known: Vec<_> = tls12.iter().map(name_of).collect();
            return Err(TlsError::Unknown {
                key: "cipher_suites",
                name: name.clone(),
                known: known.join(", "),
            });
        }
    }
    Ok(chosen)
}

fn curves(
    provider: &CryptoProvider,
    names: &[String],
) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    if names.is_empty() {
        return Ok(provider.kx_groups.clone());
    }
    let find = |name: &String| {
        let (_, group) = CURVES.iter().find(|(known, _)| known == name)?;
        provider.kx_groups.iter().copied().find(|offered| offered.name() == *group)
    };
    let known = || CURVES.map(|(name, _)| name).join(", ");
    let unknown =
        |name: &String| TlsError::Unknown { key: "curve_preferences", name: name.clone(), known: known() };
    names.iter().map(|name| find(name).ok_or_else(|| unknown(name))).collect()
}

fn client_verifier(
    tls: &WebTls,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let (Some(ca), true) = (&tls.client_ca, tls.client_auth != ClientAuth::None) else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client_ca_file", ca)? {
        roots.add(certificate)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match tls.client_auth {
        ClientAuth::IfGiven => builder.allow_unauthenticated().build()?,
        ClientAuth::Required | ClientAuth::None => builder.build()?,
    };
    if tls.client_sans.is_empty() {
        return Ok(Some(verifier));
    }
    Ok(Some(Arc::new(Named { verifier, names: tls.client_sans.clone() })))
}

fn certificates(name: &'static str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |message: String| TlsError::Pem { name, pem: pem.clone(), message };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(name, pem)?).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(failed("no certificate in it".to_owned())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn key(pem: &Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
    let read = PrivateKeyDer::from_pem_slice(&bytes("key_file", pem)?);
    read.map_err(|error| TlsError::Pem { name: "key_file", pem: pem.clone(), message: error.to_string() })
}

fn bytes(name: &'static str, pem: &Pem) -> Result<Vec<u8>, TlsError> {
    match pem {
        Pem::Text(text) => Ok(text.clone().into_bytes()),
        Pem::File(path) => std::fs::read(path).map_err(|error| TlsError::Pem {
            name,
            pem: pem.clone(),
            message: error.to_string(),
        }),
    }
}

/// Verifies as another does, and that one of the certificate's names is in the list.
#[derive(Debug)]
struct Named {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl Named {
    fn is_allowed(&self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let certificate = webpki::EndEntityCert::try_from(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let is_named = |name: &String| match name.parse::<IpAddr>() {
            Ok(address) => {
                certificate.verify_is_valid_for_subject_name(&ServerName::IpAddress(address.into())).is_ok()
            }
            // Word for word: a wildcard in the certificate of a client stands for nothing else.
            Err(_) => {
                certificate.valid_dns_names().chain(certificate.valid_uri_names()).any(|has| has == name)
            }
        };
        Ok(self.names.iter().any(is_named))
    }
}

impl ClientCertVerifier for Named {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        match self.is_allowed(end_entity)? {
            true => Ok(verified),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
