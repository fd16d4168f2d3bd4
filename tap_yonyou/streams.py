"""The streams."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema
from singer_sdk import typing as th

from tap_yonyou import schemas
from tap_yonyou.client import U8Stream

_SCHEMAS = SchemaDirectory(schemas)


class CustomerContacts(U8Stream):
    """Customer contacts (客户联系人), of U8+ 12.0 and later."""

    name = "customercontacts"
    path = "/api/customercontacts/batch_get"
    primary_keys = ("code",)
    incremental_key = "code"
    schema = StreamSchema(_SCHEMAS)
    filters = th.PropertiesList(
        th.Property("code_begin", th.StringType, description="First contact code (起始联系人编码)"),
        th.Property("code_end", th.StringType, description="Last contact code (结束联系人编码)"),
        th.Property("name", th.StringType, description="Part of the name (联系人名称关键字)"),
        th.Property("ccuscode", th.StringType, description="Customer code (所属客户编码)"),
        th.Property(
            "ccusname",
            th.StringType,
            description="Part of the customer's name (所属客户名称关键字)",
        ),
        th.Property(
            "direct_leader_code",
            th.StringType,
            description="Code of the direct leader (直接上级编码)",
        ),
        th.Property(
            "direct_leader",
            th.StringType,
            description="Part of the direct leader's name (直接上级关键字)",
        ),
        th.Property(
            "charge_person_code",
            th.StringType,
            description="Code of the person in charge (负责人编码)",
        ),
        th.Property(
            "charge_person",
            th.StringType,
            description="Part of the name of the person in charge (负责人关键字)",
        ),
        th.Property(
            "be_main_linker", th.BooleanType, description="Main contacts or others (主要联系人)"
        ),
        th.Property("title", th.StringType, description="Form of address (称呼)"),
        th.Property("sex", th.StringType, description="Sex (性别)"),
        th.Property("birthday", th.DateType, description="Birthday, yyyy-MM-dd (生日)"),
        th.Property("position", th.StringType, description="Position (职位)"),
        th.Property("mobile_phone", th.StringType, description="Mobile phone (手机号)"),
        th.Property("office_phone", th.StringType, description="Office phone (办公电话)"),
        th.Property("email", th.StringType, description="Part of the email address (email关键字)"),
        th.Property(
            "favorite", th.StringType, description="Part of the interests (个人爱好关键字)"
        ),
        th.Property("wechat", th.StringType, description="Part of the WeChat id (微信号关键字)"),
        th.Property("qq", th.StringType, description="QQ number (QQ号)"),
        th.Property(
            "default", th.BooleanType, description="Default contacts or others (默认联系人)"
        ),
    )
