"""What Table E.1-1 does not name and the VR alone does not decide.

The rest of the attributes that the table leaves out go by their VR (`resolve.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from adit.deid.rules.actions import Action

_CODES = (
    0x00080100,  # CodeValue
    0x00080101,  # ExtendedCodeValue
    0x00080104,  # CodeMeaning
    0x00080119,  # LongCodeValue
    0x00080120,  # URNCodeValue
)

# What names the meaning of other values: without it the object could not be read.
_READING = (
    0x00080102,  # CodingSchemeDesignator
    0x00080103,  # CodingSchemeVersion
    0x00080112,  # CodingSchemeRegistry
    0x00080122,  # MappingResourceName
    0x00080302,  # PrivateCreatorReference
    0x00120063,  # DeidentificationMethod
    0x00209213,  # DimensionIndexPrivateCreator
    0x00209238,  # FunctionalGroupPrivateCreator
    0x00720054,  # SelectorSequencePointerPrivateCreator
    0x00720056,  # SelectorAttributePrivateCreator
    0x00741056,  # AttributeOccurrencePrivateCreator
)

# What a machine writes of itself and of how it measured, out of its own lists: nobody types here, no vocabulary
# knows every maker's words, and without them the images are worth little. An identifier in them is still found.
MACHINES = frozenset(
    (
        0x00080070,  # Manufacturer
        0x00080222,  # ManufacturerRelatedModelGroup
        0x00081090,  # ManufacturerModelName
        0x00180024,  # SequenceName
        0x00180085,  # ImagedNucleus
        0x00181016,  # SecondaryCaptureDeviceManufacturer
        0x00181018,  # SecondaryCaptureDeviceManufacturerModelName
        0x00181019,  # SecondaryCaptureDeviceSoftwareVersions
        0x00181020,  # SoftwareVersions
        0x00181022,  # VideoImageFormatAcquired
        0x00181023,  # DigitalImageFormatAcquired
        0x00181160,  # FilterType
        0x00181161,  # TypeOfFilters
        0x00181180,  # CollimatorGridName
        0x00181210,  # ConvolutionKernel
        0x00181250,  # ReceiveCoilName
        0x00181251,  # TransmitCoilName
        0x00181260,  # PlateType
        0x00181261,  # PhosphorType
        0x00181401,  # AcquisitionDeviceProcessingCode
        0x00185010,  # TransducerData
        0x00185020,  # ProcessingFunction
        0x0018702A,  # DetectorManufacturerName
        0x0018702B,  # DetectorManufacturerModelName
        0x00189005,  # PulseSequenceName
        0x00189041,  # ReceiveCoilManufacturerName
        0x00189046,  # MultiCoilConfiguration
        0x00189047,  # MultiCoilElementName
        0x00189050,  # TransmitCoilManufacturerName
        0x00189320,  # ImageFilter
        0x00189524,  # ApplicationName
        0x00189525,  # ApplicationVersion
        0x00189526,  # ApplicationManufacturer
        0x00201040,  # PositionReferenceIndicator
        0x00209056,  # StackID
        0x00209421,  # DimensionDescriptionLabel
        0x00281054,  # RescaleType
        0x00281055,  # WindowCenterWidthExplanation
        0x00283003,  # LUTExplanation
        0x00283004,  # ModalityLUTType
        0x00541101,  # AttenuationCorrectionMethod
        0x00541103,  # ReconstructionMethod
        0x00541104,  # DetectorLinesOfResponseUsed
        0x00541105,  # ScatterCorrectionMethod
        0x00620009,  # SegmentAlgorithmName
        0x00660031,  # AlgorithmVersion
        0x00660036,  # AlgorithmName
    )
)

# UIDs of classes, syntaxes and schemes: none of them stands for an object.
_CLASSES = (
    0x00080016,  # SOPClassUID
    0x0008001A,  # RelatedGeneralSOPClassUID
    0x0008001B,  # OriginalSpecializedSOPClassUID
    0x00080062,  # SOPClassesInStudy
    0x0008010C,  # CodingSchemeUID
    0x00080117,  # ContextUID
    0x00080118,  # MappingResourceUID
    0x0008040E,  # StoredInstanceTransferSyntaxUID
    0x00081150,  # ReferencedSOPClassUID
    0x0008115A,  # SOPClassesSupported
    0x00083002,  # AvailableTransferSyntaxUID
    0x00340003,  # FlowTransferSyntaxUID
    0x04000010,  # MACCalculationTransferSyntaxUID
    0x04000510,  # EncryptedContentTransferSyntaxUID
    0x30100052,  # PertinentSOPClassesInStudy
    0x30100053,  # PertinentSOPClassesInSeries
)

_IDENTITY = (
    0x00080051,  # IssuerOfAccessionNumberSequence
    0x00100024,  # IssuerOfPatientIDQualifiersSequence
    0x00100026,  # SourcePatientGroupIdentificationSequence
    0x00100027,  # GroupOfPatientsIdentificationSequence
    0x00100033,  # PatientBirthDateInAlternativeCalendar
    0x00100034,  # PatientDeathDateInAlternativeCalendar
    0x00100035,  # PatientAlternativeCalendar
    0x00102295,  # BreedRegistrationNumber
    0x00102296,  # BreedRegistrySequence
    0x00140100,  # ComponentWelderIDs
    0x00181803,  # NTPSourceAddress
    0x00400026,  # OrderPlacerIdentifierSequence
    0x00400027,  # OrderFillerIdentifierSequence
    0x00400036,  # AssigningFacilitySequence
    0x00400039,  # AssigningJurisdictionCodeSequence
    0x0040003A,  # AssigningAgencyOrDepartmentCodeSequence
    0x00401006,  # PlacerOrderNumberProcedure
    0x00401007,  # FillerOrderNumberProcedure
    0x00402006,  # PlacerOrderNumberImagingServiceRequestRetired
    0x00402007,  # FillerOrderNumberImagingServiceRequestRetired
    0x04000500,  # EncryptedAttributesSequence: the original attributes, for whoever has the key
    0x21000160,  # OwnerID
    0x4FFE0001,  # MACParametersSequence: of signatures that are gone
    0x0074100C,  # ContactDisplayName
    0x00880130,  # StorageMediaFileSetID
)

BEYOND: Mapping[int, Action] = (
    dict.fromkeys(_CODES, Action.CODED)
    | dict.fromkeys((*_READING, *MACHINES, *_CLASSES), Action.KEEP)
    | dict.fromkeys(_IDENTITY, Action.REMOVE)
)
"""Action by tag, whatever the profile."""

OTHER_DATES = frozenset(
    (
        0x00080106,  # ContextGroupVersion
        0x00080107,  # ContextGroupLocalVersion
        0x00120086,  # EthicsCommitteeApprovalEffectivenessStartDate
        0x00120087,  # EthicsCommitteeApprovalEffectivenessEndDate
        0x0014407C,  # CalibrationTime
        0x0014407E,  # CalibrationDate
        0x00181200,  # DateOfLastCalibration
        0x00181201,  # TimeOfLastCalibration
        0x00181202,  # DateTimeOfLastCalibration
        0x00181203,  # CalibrationDateTime
        0x00181204,  # DateOfManufacture
        0x00181205,  # DateOfInstallation
        0x0018700C,  # DateOfLastDetectorCalibration
        0x0018700E,  # TimeOfLastDetectorCalibration
        0x0040DB06,  # TemplateVersion
        0x0040DB07,  # TemplateLocalVersion
        0x0044000B,  # ProductExpirationDateTime
        0x00686226,  # EffectiveDateTime
        0x00686270,  # InformationIssueDateTime
        0x0072000A,  # HangingProtocolCreationDateTime
        0x300A022C,  # SourceStrengthReferenceDate
        0x300A022E,  # SourceStrengthReferenceTime
    )
)
"""Dates that are not the patient's but a device's, a code's, a committee's: others know them, or several
patients share them. Shifted they would give the shift away, so where dates are shifted the Basic Profile's
action holds for them."""

OTHER_PRIVATE_DATES = frozenset(
    (
        ("GEMS_ACQU_01", 0x0019009D),  # Pulse Sequence Date: one for all patients of a release
        ("GEMS_PETD_01", 0x00170004),  # cal_datetime
        ("GEMS_PETD_01", 0x00190004),  # cal_datetime
    )
)
"""The same among safe private elements."""
