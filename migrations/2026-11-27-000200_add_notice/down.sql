DROP TABLE notice_message;
DROP TABLE notice_delivery;
DROP TABLE notice_standing;
DROP TABLE notice;
DROP TABLE notice_position;
